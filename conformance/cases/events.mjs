// Events and their numbers, and what was missed. The cases with `ways` are run over HTTP as well.

const ways = true;

/** `count` events of a channel, as they come. */
async function take(page, count) {
  const heard = [];
  while (heard.length < count) heard.push(await page.hearOf("ev"));
  return heard;
}

const numbers = (list) => list.map((event) => event.s);
const upTo = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

export const events = [
  {
    name: "events are numbered",
    says: "`s` grows by exactly 1 in a channel; the first event of a channel has `s` 1.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      await page.subscribe(channel);
      await t.publishAll(channel, 5);
      const heard = await take(page, 5);
      t.same(numbers(heard), [1, 2, 3, 4, 5], "the numbers");
      t.same(heard.map((event) => event.data.n), [1, 2, 3, 4, 5], "the data, in order");
    },
  },
  {
    name: "data comes as it was",
    says: "A frame holds JSON objects separated by `\\n`, so a line feed stands nowhere inside a message.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      await page.subscribe(channel);
      const data = { text: "one\ntwo\r\u2028 \u0000 ü 🦀 \"\\", list: [null, true, 1.5, -3, {}], empty: "" };
      await t.publish(channel, data, "näme x");
      t.has(await page.hearOf("ev"), { ch: channel, name: "näme x", data });
    },
  },
  {
    name: "events of other channels",
    says: "A page hears the events of the channels that it subscribed to.",
    run: async (t) => {
      const page = await t.page();
      const [mine, other] = [t.channel(), t.channel()];
      await page.subscribe(mine);
      await t.publish(other);
      await t.publish(mine);
      t.has(await page.hear(), { t: "ev", ch: mine, s: 1 });
      await page.hearsNothing();
    },
  },
  {
    name: "everybody hears the same",
    says: "An event has one number, whoever hears it.",
    run: async (t) => {
      const pages = [await t.page(), await t.page()];
      const channel = t.channel();
      for (const page of pages) await page.subscribe(channel);
      await Promise.all(upTo(1, 20).map((n) => t.publish(channel, { n })));
      const [one, two] = [await take(pages[0], 20), await take(pages[1], 20)];
      t.same(numbers(one), upTo(1, 20), "the numbers");
      t.same(one, two, "what two pages hear");
    },
  },
  {
    name: "a second sub",
    says: "Who subscribes to a channel a second time is answered again and stays subscribed once.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      await page.subscribe(channel);
      await page.subscribe(channel);
      await t.publish(channel);
      t.has(await page.hear(), { t: "ev", s: 1 });
      await page.hearsNothing();
    },
  },
  {
    name: "after unsub",
    says: "`unsubd`: no event of the channel follows.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      await page.subscribe(channel);
      t.has(await page.ask({ t: "unsub", id: 2, ch: channel }), { t: "unsubd", id: 2, ch: channel });
      await t.publish(channel);
      await page.hearsNothing();
    },
  },
  {
    name: "nothing is left out between subd and the first event",
    says: "`subd` comes before every event after its `pos`, with nothing left out between them.",
    run: async (t) => {
      const channel = t.channel();
      const published = t.publishAll(channel, 60);
      // It is waited for below; until then a failure of it is nobody's.
      published.catch(() => {});
      const pages = [];
      for (let count = 0; count < 6; count += 1) {
        const page = await t.page();
        pages.push([page, (await page.subscribe(channel)).pos.s]);
      }
      await published;
      for (const [page, at] of pages) {
        t.same(numbers(await take(page, 60 - at)), upTo(at + 1, 60), `the events after ${at}`);
      }
    },
  },
  {
    name: "what was missed",
    says: "`recovered` is `true` when `missed` holds all that lay between; `missed` is in order.",
    ways,
    run: async (t) => {
      const channel = t.channel();
      const before = await t.page();
      await before.subscribe(channel);
      await t.publish(channel, { n: 1 });
      const seen = await before.hearOf("ev");
      const { pos } = await before.subscribe(channel);
      before.drop();
      const witness = await t.page();
      await witness.subscribe(channel);
      await t.publishAll(channel, 3);
      const heard = await take(witness, 3);
      const page = await t.page();
      const answer = await page.subscribe(channel, { e: pos.e, s: seen.s });
      t.has(answer, { recovered: true, missed: heard, pos: { e: pos.e, s: 4 } });
      await t.publish(channel, { n: 5 });
      t.has(await page.hear(), { t: "ev", s: 5 });
    },
  },
  {
    name: "a gap is closed on the same connection",
    says: "That is how a page closes a gap: `sub` with its last `pos`.",
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      await t.publishAll(channel, 3);
      const heard = await take(page, 3);
      t.has(await page.subscribe(channel, { e: pos.e, s: 1 }), { recovered: true, missed: heard.slice(1) });
    },
  },
  {
    name: "nothing was missed",
    says: "`recovered` is `true` with an empty `missed` when nothing lay between.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      t.has(await page.subscribe(channel, pos), { recovered: true, missed: [], pos });
    },
  },
  {
    name: "a position of another epoch",
    says: "A position of another epoch cannot be recovered.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      const answer = await page.subscribe(channel, { e: `not ${pos.e}`, s: 0 });
      t.has(answer, { recovered: false, missed: [], pos });
    },
  },
  {
    name: "a position beyond the last event",
    says: "... nor can one beyond the channel's last event.",
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      t.has(await page.subscribe(channel, { e: pos.e, s: 99 }), { recovered: false, missed: [], pos });
    },
  },
  {
    name: "more was missed than is sent",
    says: "At most 500 events. Who missed more gets `recovered: false` with an empty `missed`.",
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      for (let done = 0; done < 504; done += 12) {
        await Promise.all(upTo(1, 12).map((n) => t.publish(channel, { n })));
      }
      const answer = await (await t.page()).subscribe(channel, pos);
      t.has(answer, { recovered: false, missed: [], pos: { e: pos.e, s: 504 } });
    },
  },
];

/** What needs a server that has its own way with what it keeps. */
export const kept = [
  {
    name: "history is gone",
    says: "What is older than the server keeps gets `recovered: false`: everything of this channel may have changed.",
    alone: true,
    run: async (t) => {
      const page = await t.page();
      const channel = t.channel();
      const { pos } = await page.subscribe(channel);
      await t.publish(channel);
      await t.hook("forget", { channel });
      const again = await (await t.page()).subscribe(channel, pos);
      t.has(again, { recovered: false, missed: [] });
    },
  },
  {
    name: "positions over a restart",
    says: "The epoch changes whenever the server may have lost or reordered numbers, for example after a restart.",
    alone: true,
    run: async (t) => {
      const before = await t.page();
      const channel = t.channel();
      await before.subscribe(channel);
      await t.publishAll(channel, 3);
      const seen = await take(before, 3);
      const { pos } = await before.subscribe(channel);
      await t.hook("restart", {});
      await before.end();
      const page = await t.page();
      const answer = await page.subscribe(channel, { e: pos.e, s: 1 });
      if (answer.recovered) t.has(answer, { missed: seen.slice(1), pos });
      else t.ok(answer.pos.e !== pos.e || answer.pos.s >= pos.s, "numbers were lost, and the epoch is the same");
      const at = answer.pos.s;
      await t.publish(channel);
      t.has(await page.hear(), { t: "ev", s: at + 1 });
    },
  },
];
