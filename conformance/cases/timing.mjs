// What takes as long as the server's own clocks: tens of seconds, or as little as it is set to.

export const timing = [
  {
    name: "no hello",
    says: "No `hello` in time (10 s): 4408.",
    run: async (t) => void (await t.dial().end(4408)),
  },
  {
    name: "pings that nobody answers",
    says: "After two pings in a row without any sign of life, the next is a close with 4408.",
    run: async (t) => {
      const page = await t.page({}, { silent: true });
      const pings = (await page.end(4408)).filter((message) => message.t === "ping");
      t.same(pings.length, 2, "pings before the close");
    },
  },
  {
    name: "any message is a sign of life",
    says: "Any message from the page is a sign of life, not only `pong`.",
    run: async (t) => {
      const page = await t.page({}, { silent: true });
      for (let count = 0; count < 4; count += 1) {
        await page.hearPing();
        page.say({ t: "conformance-shoe" });
      }
      t.has(await page.ask({ t: "ping", n: 1 }), { t: "pong", n: 1 });
    },
  },
];
