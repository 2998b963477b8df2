// Who may edit what. Skipped where `welcome` does not say that the server can do it.

const TTL = 60_000;

/** A page that is on a channel. */
async function on(t, channel) {
  const client = t.client();
  const page = await t.pageWhere("lock", { client });
  page.say({ t: "pres", ch: channel, data: {}, all: true });
  await page.hearOf("presence", (message) => message.full);
  return {
    page,
    client,
    lock: (more = {}) => page.say({ t: "lock", id: 11, ch: channel, key: "7/title", ttl: TTL, ...more }),
    unlock: (fence) => page.say({ t: "unlock", ch: channel, key: "7/title", fence }),
    given: async () => {
      const given = await page.hearOf("lockd");
      t.has(given, { id: 11, ch: channel, key: "7/title" });
      return given.fence;
    },
    refused: async (code) => t.has(await page.hearOf("err"), { id: 11, code }),
    told: () => page.hearOf("lockev", (message) => message.ch === channel),
    free: () => page.hearOf("lockev", (message) => message.ch === channel && message.holder === null),
  };
}

/** Somebody has the field, and if the server says who, it is this client. */
function heldBy(t, { holder }, client) {
  t.ok(holder !== null, "nobody has the field");
  t.ok([undefined, client].includes(holder.client), `${holder.client} has the field, and not ${client}`);
}

export const leases = [
  {
    name: "a lease is given and given back",
    says: "Everybody on the channel hears `lockev`: who has the field, and with `null` that nobody has it any more.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock();
      const fence = await one.given();
      const told = await two.told();
      t.has(told, { key: "7/title", fence });
      heldBy(t, told, one.client);
      t.ok(told.ttl > 0 && told.ttl <= TTL, `for ${told.ttl} ms`);
      one.unlock(fence);
      t.has(await two.told(), { fence, holder: null });
    },
  },
  {
    name: "somebody else has it",
    says: "`lock` of a field that somebody else has is refused with `locked`, followed by a `lockev` that says who.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock();
      const fence = await one.given();
      await two.told();
      two.lock();
      await two.refused("locked");
      const told = await two.told();
      t.has(told, { fence });
      heldBy(t, told, one.client);
    },
  },
  {
    name: "fences grow",
    says: "A fence grows with every lease that is given. A lease that goes on keeps its fence.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock();
      const first = await one.given();
      one.lock({ fence: first });
      t.same(await one.given(), first, "the fence of a lease that goes on");
      one.unlock(first);
      await two.free();
      two.lock();
      const second = await two.given();
      t.ok(second > first, `the fence ${second} came after ${first}`);
    },
  },
  {
    name: "another fence gives nothing back",
    says: "`unlock` under another fence than that of the lease means nothing.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock();
      const fence = await one.given();
      one.unlock(fence + 1);
      two.unlock(fence + 1);
      two.lock();
      await two.refused("locked");
    },
  },
  {
    name: "a lease comes back as long as nobody had the field",
    says: "It may come back under its fence after it ended, as long as nobody else had the field since; else `stale_fence`.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock();
      const first = await one.given();
      one.unlock(first);
      one.lock({ fence: first });
      t.same(await one.given(), first, "the fence of a lease that came back");
      one.unlock(first);
      for (let ends = 0; ends < 2; ends += 1) await two.free();
      two.lock();
      two.unlock(await two.given());
      await two.free();
      one.lock({ fence: first });
      await one.refused("stale_fence");
    },
  },
  {
    name: "the answer was lost",
    says: "A client that asks without `fence` for what it has gets a new lease.",
    run: async (t) => {
      const one = await on(t, t.channel());
      one.lock();
      const first = await one.given();
      one.lock();
      const second = await one.given();
      t.ok(second > first, `the fence ${second} came after ${first}`);
    },
  },
  {
    name: "a lease ends by itself",
    says: "A lease ends when its time is over.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock({ ttl: 1000 });
      const fence = await one.given();
      t.has(await two.free(), { fence });
      two.lock();
      t.ok((await two.given()) > fence, "the fence of the next lease is greater");
    },
  },
  {
    name: "who comes later",
    says: "`all` is answered by a `lockev` for each lease on the channel.",
    run: async (t) => {
      const channel = t.channel();
      const one = await on(t, channel);
      one.lock();
      const fence = await one.given();
      t.has(await (await on(t, channel)).told(), { key: "7/title", fence });
    },
  },
];

export const leaseRestart = [
  {
    name: "fences over a restart",
    says: "A fence grows with every lease that is given, over restarts too.",
    alone: true,
    run: async (t) => {
      const channel = t.channel();
      const before = await on(t, channel);
      before.lock();
      const fence = await before.given();
      before.unlock(fence);
      await before.free();
      await t.hook("restart", {});
      const after = await on(t, channel);
      after.lock();
      const next = await after.given();
      t.ok(next > fence, `the fence ${next} came after ${fence}`);
    },
  },
];

export const slowLeases = [
  {
    name: "who had a lease is lost",
    says: "A lease ends 10 s after the connection that had it is lost.",
    run: async (t) => {
      const channel = t.channel();
      const [one, two] = [await on(t, channel), await on(t, channel)];
      one.lock({ ttl: 600_000 });
      const fence = await one.given();
      one.page.drop();
      t.has(await two.free(), { fence });
    },
  },
];
