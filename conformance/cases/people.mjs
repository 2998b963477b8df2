// Who may come in, and what is for whom. The tokens come by flags.

const ways = true;

export const people = [
  {
    name: "a token that nobody is known by",
    says: "A token in `hello` that nobody is known by: `err` `unauthorized`, 4401.",
    ways,
    run: async (t) => void (await t.refused(t.hello({ token: t.need("wrong-token") }), "unauthorized", 4401)),
  },
  {
    name: "another token of the same person",
    says: "`auth`: another token, on a connection that goes on. `authd`: the token is taken.",
    ways,
    run: async (t) => {
      const token = t.need("token");
      const page = await t.page();
      t.has(await page.ask({ t: "auth", id: 5, token }), { t: "authd", id: 5 });
      await page.hearsNothing();
    },
  },
  {
    name: "auth with a token that nobody is known by",
    says: "A token in `auth` that nobody is known by: `err` `unauthorized` with `id`; the old one goes on.",
    ways,
    run: async (t) => {
      const [channel, token] = [t.channel(), t.need("wrong-token")];
      t.need("token");
      const page = await t.page();
      t.has(await page.ask({ t: "auth", id: 5, token }), { t: "err", id: 5, code: "unauthorized" });
      await page.subscribe(channel);
    },
  },
  {
    name: "auth with a token of another person",
    says: "... or in `auth` one of another person: `err` `unauthorized`, 4401.",
    ways,
    run: async (t) => {
      t.need("token");
      const token = t.need("other-token");
      const page = await t.page();
      page.say({ t: "auth", id: 5, token });
      await t.refused(page, "unauthorized", 4401);
    },
  },
  {
    name: "a channel that is not for this person",
    says: "A channel that is not for this person: `err` `forbidden` with `id` and `ch`, and the connection goes on.",
    ways,
    run: async (t) => {
      const ch = t.need("closed");
      const page = await t.page();
      t.has(await page.ask({ t: "sub", id: 8, ch }), { t: "err", id: 8, ch, code: "forbidden" });
      await page.subscribe(t.channel());
    },
  },
  {
    name: "events that are not for this person",
    says: "A request was refused: nothing of the channel follows.",
    run: async (t) => {
      const ch = t.need("closed");
      const page = await t.page();
      await page.ask({ t: "sub", id: 8, ch });
      await t.publish(ch);
      await page.hearsNothing();
    },
  },
];
