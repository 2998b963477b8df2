// What every server of fresh.v1 does. The cases with `ways` are run over HTTP as well.

const ways = true;
const MOST = 2 ** 53 - 1;

const bad = [
  ["a binary frame", Buffer.from('{"t":"ping","n":1}')],
  ["no JSON", "ping"],
  ["no object", '["ping",1]'],
  ["no `t`", '{"n":1}'],
  ["`t` that is no text", '{"t":7}'],
  ["a `sub` without `ch`", '{"t":"sub","id":1}'],
  ["a `sub` without `id`", '{"t":"sub","ch":"x"}'],
  ["a number below 0", '{"t":"ping","n":-1}'],
];

const badNames = [
  ["an empty channel name", ""],
  ["a channel name of 256 bytes", "x".repeat(256)],
  ["a channel name of 256 bytes in 128 characters", "ü".repeat(128)],
  ["a control character in a channel name", "a\u0007b"],
];

const badClients = [
  ["an empty client id", ""],
  ["a client id of 65 characters", "x".repeat(65)],
  ["a space in a client id", "a b"],
];

export const core = [
  {
    name: "hello is answered by welcome",
    says: "welcome: the page is known; `ping` is how often the server pings.",
    ways,
    run: async (t) => {
      const { welcome } = await t.page({ client: "x".repeat(64) });
      t.ok(welcome.ping > 0, "a server pings");
    },
  },
  {
    name: "what follows hello in its frame",
    says: "A page need not wait for `welcome`: what follows `hello` in the same frame is done after it.",
    ways,
    run: async (t) => {
      const channel = t.channel();
      const page = await t.page({}, { also: [{ t: "sub", id: 9, ch: channel }, { t: "ping", n: 3 }] });
      t.has(await page.hear(), { t: "subd", id: 9, ch: channel });
      t.has(await page.hear(), { t: "pong", n: 3 });
    },
  },
  {
    name: "another hello",
    says: "`hello` is said once: a second one is answered by `err` `bad_request` and 4400.",
    ways,
    run: async (t) => {
      const page = await t.page();
      page.say({ t: "hello", v: 1, client: t.client() });
      await t.refused(page, "bad_request", 4400);
    },
  },
  {
    name: "before hello",
    says: "A known message before `hello` is answered by `err` `bad_request` and 4400.",
    ways,
    run: async (t) => {
      const page = t.dial({ first: '{"t":"sub","id":1,"ch":"x"}' });
      await t.refused(page, "bad_request", 4400);
    },
  },
  {
    name: "a mutation that nobody does",
    says: "A server whose `can` has no `mut` answers with `unsupported` and the `id`, or passes over the message.",
    ways,
    run: async (t) => {
      const page = await t.page();
      page.say({ t: "mut", id: 5, key: t.client(), method: "POST", path: "/conformance/nothing", body: {} }, { t: "ping", n: 6 });
      const can = page.welcome.can?.includes("mut") ?? false;
      let [refusal, alive] = [];
      while (!alive || (can && !refusal)) {
        const message = await page.hear();
        if (message.t === "pong") alive = message;
        else refusal = message;
      }
      t.has(alive, { n: 6 });
      if (refusal) t.has(refusal, { t: "err", id: 5, code: can ? "not_found" : "unsupported", retry: false });
    },
  },
  {
    name: "another version",
    says: "Another `v` is answered by `err` `unsupported` and 4406.",
    ways,
    run: async (t) => t.refused(t.hello({ v: 2 }), "unsupported", 4406).then(() => {}),
  },
  ...badClients.map(([name, client]) => ({
    name,
    says: "A bad client id in `hello` is answered by `err` `bad_request` and 4400.",
    run: async (t) => void (await t.refused(t.hello({ client }), "bad_request", 4400)),
  })),
  {
    name: "the subprotocol",
    says: "WebSocket with the subprotocol `fresh.v1`.",
    run: async (t) => {
      const page = await t.page({}, { protocols: ["fresh.v9", "fresh.v1"] });
      t.same(page.protocol, "fresh.v1", "the subprotocol that was chosen");
    },
  },
  {
    name: "another subprotocol",
    says: "A server that finds other subprotocols offered than its own selects one of them before it closes with 4406.",
    run: async (t) => {
      const page = t.dial({ protocols: ["fresh.v9", "fresh.v8"] });
      await t.refused(page, "unsupported", 4406);
      t.ok(["fresh.v9", "fresh.v8"].includes(page.protocol), `${page.protocol} was chosen, which was not offered`);
    },
  },
  {
    name: "no subprotocol",
    says: "No subprotocol is answered by `err` `unsupported` and 4406.",
    run: async (t) => void (await t.refused(t.dial({ protocols: [] }), "unsupported", 4406)),
  },
  {
    name: "ping is answered by pong",
    says: "`ping` asks for a sign of life; it is answered by `pong` with its `n`.",
    ways,
    run: async (t) => {
      const page = await t.page();
      for (const n of [0, 7, MOST]) t.has(await page.ask({ t: "ping", n }), { t: "pong", n });
    },
  },
  {
    name: "several messages in a frame",
    says: "A frame holds one JSON object, or several separated by `\\n`; empty lines mean nothing.",
    ways,
    run: async (t) => {
      const page = await t.page();
      page.raw('\n{"t":"ping","n":1}\n\n{"t":"ping","n":2}\n');
      for (const n of [1, 2]) t.has(await page.hear(), { t: "pong", n });
    },
  },
  {
    name: "what a server does not know",
    says: "A message that a side does not know is ignored, and so is a field.",
    ways,
    run: async (t) => {
      const page = await t.page({ shoe: 43 });
      page.say({ t: "conformance-shoe", id: 1, deep: [{}] });
      t.has(await page.ask({ t: "ping", n: 5, shoe: [null] }), { t: "pong", n: 5 });
    },
  },
  ...bad.map(([name, frame], index) => ({
    name: `a bad frame: ${name}`,
    says: "A frame that is binary, a message that is no JSON object, has no text `t`, or lacks what its `t` needs: `err` `bad_request`, 4400.",
    ways: index === 1,
    run: async (t) => {
      const page = await t.page();
      page.raw(frame);
      await t.refused(page, "bad_request", 4400);
    },
  })),
  {
    name: "around a bad message",
    says: "What came before it in the frame is done, what comes after is not.",
    ways,
    run: async (t) => {
      const page = await t.page();
      page.raw('{"t":"ping","n":1}\n{"t":\n{"t":"ping","n":2}');
      t.same(await t.refused(page, "bad_request", 4400), [{ t: "pong", n: 1 }], "what was said before the `err`");
    },
  },
  {
    name: "a frame that is too large",
    says: "A frame above 64 KiB is answered by `err` `too_large` and 4413.",
    run: async (t) => {
      const page = await t.page();
      page.raw(JSON.stringify({ t: "conformance-shoe", x: "x".repeat(64 * 1024) }));
      await t.refused(page, "too_large", 4413);
    },
  },
  {
    name: "a frame as large as it may be",
    says: "A frame from the page is at most 64 KiB.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const ping = (x) => JSON.stringify({ t: "ping", n: 8, x });
      const room = t.way === "socket" ? 64 * 1024 : 60 * 1024;
      page.raw(ping("x".repeat(room - ping("").length)));
      t.has(await page.hear(), { t: "pong", n: 8 });
    },
  },
  {
    name: "sub is answered by subd",
    says: "`recovered` is `null` when no position was given; a channel without events is at `s` 0.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const answer = await page.subscribe(t.channel());
      t.has(answer, { recovered: null, missed: [] });
      t.same(answer.pos.s, 0, "`s` of a new channel");
    },
  },
  {
    name: "ids and names come back as they were",
    says: "Channel names are 1 to 255 bytes of UTF-8 without control characters; numbers are integers up to 2^53 - 1.",
    run: async (t) => {
      const page = await t.page();
      const fill = (255 - Buffer.byteLength(t.channel())) % 4;
      const base = t.channel() + "x".repeat(fill);
      const ch = base + "🦀".repeat((255 - Buffer.byteLength(base)) >> 2);
      t.has(await page.ask({ t: "sub", id: MOST, ch }), { t: "subd", id: MOST, ch });
    },
  },
  ...badNames.map(([name, ch]) => ({
    name,
    says: "A bad channel name is answered by `err` `bad_request` with `id` and `ch`, and the connection goes on.",
    run: async (t) => {
      const page = await t.page();
      t.has(await page.ask({ t: "sub", id: 4, ch }), { t: "err", id: 4, ch, code: "bad_request" });
      await page.hearsNothing();
    },
  })),
  {
    name: "the 51st subscription",
    says: "A connection has at most 50 subscriptions; one too many: `err` `too_many_subs` with `id` and `ch`.",
    run: async (t) => {
      const page = await t.page();
      const channels = Array.from({ length: 51 }, () => t.channel());
      for (const [id, ch] of channels.slice(0, 50).entries()) {
        t.has(await page.ask({ t: "sub", id, ch }), { t: "subd", id, ch });
      }
      const [again, last] = [channels[0], channels[50]];
      t.has(await page.ask({ t: "sub", id: 60, ch: last }), { t: "err", id: 60, ch: last, code: "too_many_subs" });
      t.has(await page.ask({ t: "sub", id: 61, ch: again }), { t: "subd", id: 61 });
      t.has(await page.ask({ t: "unsub", id: 62, ch: again }), { t: "unsubd", id: 62 });
      t.has(await page.ask({ t: "sub", id: 63, ch: last }), { t: "subd", id: 63 });
    },
  },
  {
    name: "unsub of what is not subscribed",
    says: "`unsub` of a channel that is not subscribed is answered like any other.",
    ways,
    run: async (t) => {
      const page = await t.page();
      const ch = t.channel();
      t.has(await page.ask({ t: "unsub", id: 2, ch }), { t: "unsubd", id: 2, ch });
    },
  },
];
