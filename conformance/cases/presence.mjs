// Who is there. Skipped where `welcome` does not say that the server can do it.

/** A page on a channel, with the `presence` that it was answered by. */
async function on(t, channel, data, more = {}) {
  const client = t.client();
  const page = await t.pageWhere("pres", { client });
  page.say({ t: "pres", ch: channel, data, all: true, ...more });
  const full = await page.hearOf("presence", (message) => message.full);
  t.has(full, { ch: channel });
  return { page, client, full };
}

const joins = (name) => (message) => name in message.join;
const leaves = (name) => (message) => name in message.leave;

export const presence = [
  {
    name: "everybody who is there",
    says: "`all` is answered by `presence` with `full`; `null` looks without being seen.",
    run: async (t) => {
      const channel = t.channel();
      const seen = await on(t, channel, { color: "red" });
      const looks = await on(t, channel, null);
      const { full } = await on(t, channel, null);
      t.same(Object.keys(full.join), [seen.client], "who is there");
      t.same(full.join[seen.client].data, { color: "red" }, "what is shown");
      t.ok(!(looks.client in full.join), "who only looks is not seen");
    },
  },
  {
    name: "who comes, changes and leaves",
    says: "`join` says who came or changed, `leave` who left. `ref` grows; `leave` names the last one.",
    run: async (t) => {
      const channel = t.channel();
      const { page: looker } = await on(t, channel, null);
      const { page, client } = await on(t, channel, 1);
      const first = (await looker.hearOf("presence", joins(client))).join[client];
      t.same(first.data, 1, "what is shown");
      page.say({ t: "pres", ch: channel, data: { n: 2 } });
      const changed = (await looker.hearOf("presence", (one) => one.join[client]?.ref > first.ref)).join[client];
      t.same(changed.data, { n: 2 }, "what is shown then");
      page.say({ t: "pres", ch: channel, leave: true });
      const { leave } = await looker.hearOf("presence", leaves(client));
      t.ok(leave[client] >= changed.ref, `\`leave\` names ${leave[client]}, and ${changed.ref} was shown`);
    },
  },
  {
    name: "who is anonymous",
    says: "The name is the client's id, and for whoever is anonymous a random one by which nothing else is known.",
    run: async (t) => {
      const channel = t.channel();
      const { page: looker } = await on(t, channel, null);
      const { client } = await on(t, channel, "mask", { anon: true });
      const { join } = await looker.hearOf("presence", (one) => Object.keys(one.join).length > 0);
      const [[name, shown]] = Object.entries(join);
      t.ok(name !== client, "the name is that of the client");
      t.has({ t: "presence", ...shown }, { user: undefined, data: "mask" });
    },
  },
  {
    name: "signals",
    says: "Signals are relayed and not kept. Only who is on a channel says and hears them there.",
    run: async (t) => {
      const channel = t.channel();
      const one = await on(t, channel, 1);
      const two = await on(t, channel, 2);
      const outside = await t.page();
      outside.say({ t: "sig", ch: channel, name: "cursor", data: "from outside" });
      await outside.hearsNothing();
      one.page.say({ t: "sig", ch: channel, name: "cursor", data: { x: 1 } });
      const heard = await two.page.hearOf("sig");
      t.has(heard, { ch: channel, name: "cursor", from: one.client, data: { x: 1 } });
      await outside.hearsNothing();
      const late = await on(t, channel, null);
      await late.page.ask({ t: "ping", n: 1 }).then((pong) => t.ok(pong.t !== "sig", "who comes later hears nothing"));
    },
  },
  {
    name: "what is too much to show",
    says: "`data` has at most 16 KiB. A `pres` that is refused is answered by `err` with its `id`.",
    run: async (t) => {
      const page = await t.pageWhere("pres");
      const ch = t.channel();
      t.has(await page.ask({ t: "pres", id: 6, ch, data: "x".repeat(17 * 1024) }), { t: "err", id: 6, code: "too_large" });
      t.has(await page.ask({ t: "pres", id: 7, ch: "", data: 1 }), { t: "err", id: 7, code: "bad_request" });
      await page.hearsNothing();
    },
  },
];

export const slowPresence = [
  {
    name: "a connection is lost",
    says: "Who says nothing is gone 10 s after its connection is lost.",
    run: async (t) => {
      const channel = t.channel();
      const { page: looker } = await on(t, channel, null);
      const { page, client } = await on(t, channel, 1);
      page.drop();
      await looker.hearOf("presence", leaves(client));
    },
  },
];
