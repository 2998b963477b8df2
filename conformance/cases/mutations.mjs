// Writes on the connection. They need a collection of tasks, as the protocol describes it, where the connections go.

const ways = true;

/** A page that may write on its connection, on the channel of what is written. */
async function writer(t) {
  const url = t.need("tasks");
  const client = t.client();
  const page = await t.pageWhere("mut", { client });
  const path = new URL(url).pathname;
  const title = `conformance ${client}`;
  let count = 0;
  const mut = (more = {}) => {
    count += 1;
    return { t: "mut", id: count, key: `${client}-${count}`, method: "POST", path, body: { title }, ...more };
  };
  const write = async (message) => {
    page.say(message);
    for (;;) {
      const answer = await page.hear();
      if (answer.id === message.id && ["ack", "err"].includes(answer.t)) return answer;
    }
  };
  const acked = async (message) => {
    const answer = await write(message);
    t.same(answer.t, "ack", `the answer to ${JSON.stringify(message)} is ${JSON.stringify(answer)}`);
    return answer;
  };
  const refused = async (message, wanted) => {
    const answer = await write(message);
    t.same(answer.t, "err", `the answer to ${JSON.stringify(message)} is ${JSON.stringify(answer)}`);
    t.has(answer, wanted, "the `err`");
    return answer;
  };
  const change = (id, body, more = {}) => mut({ method: "PATCH", path: `${path}/${id}`, body, ...more });
  const remove = (id) => acked(mut({ method: "DELETE", path: `${path}/${id}`, body: undefined }));
  return { url, path, client, page, title, mut, change, acked, refused, remove };
}

/** How often a title stands in the list. */
async function stands(t, url, title) {
  const list = (await t.request("GET", url)).json();
  return list.filter((task) => task.title === title).length;
}

export const mutations = [
  {
    name: "a mutation is acked",
    says: "`ack`: it is done, and committed. The rest is what the answer over HTTP says.",
    ways,
    run: async (t) => {
      const { url, client, page, title, mut, acked, remove } = await writer(t);
      const made = await acked(mut());
      t.has(made, { status: 201 });
      t.has(made.body, { title, version: 1 }, "the body");
      const fetched = await t.request("GET", `${url}/${made.body.id}`);
      t.same(fetched.json(), made.body, "what is fetched after the `ack`");
      t.same(fetched.headers.get("etag"), made.etag, "the `etag`");
      await page.subscribe("tasks");
      page.say(mut({ method: "DELETE", path: `${new URL(url).pathname}/${made.body.id}`, body: undefined, id: 77 }));
      let [ack, event] = [];
      while (!ack || !event) {
        const message = await page.hear();
        if (message.t === "ack" && message.id === 77) ack = message;
        if (message.t === "ev" && message.data.id === made.body.id) event = message;
      }
      t.has(ack, { status: 204, body: undefined });
      t.has(event, { name: "task_deleted", by: client });
      await remove((await acked(mut())).body.id);
    },
  },
  {
    name: "a mutation that is said again",
    says: "Under one key a mutation is done once and answered again as before: on this connection, and on the next one.",
    ways,
    run: async (t) => {
      const one = await writer(t);
      const message = one.mut();
      const first = await one.acked(message);
      t.same(await one.acked(message), first, "the second answer");
      one.page.drop();
      const two = await writer(t);
      t.same(await two.acked(message), first, "the answer on another connection");
      t.same(await stands(t, one.url, one.title), 1, "how often it was done");
      await two.remove(first.body.id);
    },
  },
  {
    name: "one key over HTTP and on the connection",
    says: "Under one key a mutation is done once, whichever way it comes: over HTTP with the header `idempotency-key` and back.",
    run: async (t) => {
      const { url, title, client, mut, acked, remove } = await writer(t);
      const over = (key) => t.request("POST", url, { "idempotency-key": key }, { title });
      const message = mut();
      const said = await acked(message);
      const asked = await over(message.key);
      t.same([asked.status, asked.json()], [said.status, said.body], "the answer over HTTP to what was said");
      const other = await over(`${client}-over`);
      const again = await acked(mut({ key: `${client}-over` }));
      t.same([again.status, again.body], [other.status, other.json()], "the answer to what was asked over HTTP");
      t.same(await stands(t, url, title), 2, "how many were made of two");
      await remove(said.body.id);
      await remove(again.body.id);
    },
  },
  {
    name: "another mutation under the same key",
    says: "It is known by its method, its path, its body and its person; another one under the same key is refused (422, `path` `key`).",
    run: async (t) => {
      const { mut, acked, refused, remove, title } = await writer(t);
      const message = mut();
      const { body } = await acked(message);
      const wanted = { code: "bad_request", status: 422, path: "key", retry: false };
      await refused({ ...message, id: 50, body: { title: `${title} other` } }, wanted);
      await remove(body.id);
    },
  },
  {
    name: "mutations in their order",
    says: "Mutations of one connection are done and answered in the order in which they are said.",
    ways,
    run: async (t) => {
      const { page, title, mut, acked, change, remove } = await writer(t);
      const { body } = await acked(mut());
      const all = Array.from({ length: 20 }, (_, n) => change(body.id, { title: `${title} ${n}` }));
      page.say(...all);
      for (const [n, { id }] of all.entries()) {
        const answer = await page.hearOf("ack");
        t.same([answer.id, answer.body.title, answer.body.version], [id, `${title} ${n}`, n + 2], "the next answer");
      }
      page.say({ t: "ping", n: 5 });
      await page.hearOf("pong");
      await remove(body.id);
    },
  },
  {
    name: "a mutation that is refused",
    says: "`err`: it is not done. `retry` says whether the same message may be said again; `cur` is what the record is now.",
    ways,
    run: async (t) => {
      const { path, page, mut, acked, refused, change, remove } = await writer(t);
      const made = await acked(mut());
      const { id } = made.body;
      const next = await acked(change(id, { status: "doing" }, { match: made.etag }));
      t.same(next.body.version, 2, "the version after a write over the last one");
      const late = await refused(change(id, { status: "done" }, { match: made.etag }), { code: "changed", status: 412, retry: false });
      t.same(late.cur, next.body, "`cur`");
      await refused(change(id, { status: "lost" }), { code: "bad_request", status: 400, path: "status", retry: false });
      await refused(change("no-such-task", { status: "done" }), { code: "not_found", status: 404, retry: false });
      await refused(mut({ path: `${path}-elsewhere` }), { code: "not_found", status: 404, retry: false });
      await refused(mut({ key: "two words" }), { code: "bad_request", path: "key", retry: false });
      await refused(mut({ method: "GET" }), { code: "bad_request", path: "method", retry: false });
      await refused(mut({ path: "http://elsewhere/tasks" }), { code: "bad_request", path: "path", retry: false });
      await remove(id);
      await page.ask({ t: "ping", n: 1 });
    },
  },
  {
    name: "a mutation under an old fence",
    says: "`fences` is what the header `everfresh-fence` says: a write under an old fence is refused with 412 `stale_fence`.",
    run: async (t) => {
      const { page, mut, acked, refused, change, remove } = await writer(t);
      if (!page.welcome.can.includes("lock")) t.skip("the server's `can` has no `lock`");
      const { id } = (await acked(mut())).body;
      const lease = async () => {
        page.say({ t: "lock", id: 90, ch: "tasks", key: `${id}/title`, ttl: 60_000 });
        return (await page.hearOf("lockd")).fence;
      };
      const fences = (fence) => ({ fences: `${fence};tasks;${encodeURIComponent(`${id}/title`)}` });
      const old = await lease();
      const last = await lease();
      await refused(change(id, { title: "late" }, fences(old)), { code: "stale_fence", status: 412, retry: false });
      await acked(change(id, { title: "in time" }, fences(last)));
      await remove(id);
    },
  },
  {
    name: "more mutations than may wait",
    says: "One more than may wait is refused with `too_many_muts` and not done.",
    run: async (t) => {
      const { url, page, title, mut, acked, change, remove } = await writer(t);
      const { body } = await acked(mut());
      const all = Array.from({ length: 200 }, (_, n) => change(body.id, { title: `${title} ${n}` }));
      page.say(...all);
      const open = new Set(all.map(({ id }) => id));
      let [done, version] = [0, 1];
      while (open.size > 0) {
        const answer = await page.hear();
        t.ok(open.delete(answer.id), `an answer that is not due: ${JSON.stringify(answer)}`);
        if (answer.t === "err") t.has(answer, { code: "too_many_muts", retry: true });
        else {
          [done, version] = [done + 1, answer.body.version];
          t.same(version, done + 1, "the version");
        }
      }
      t.ok(done >= 32, `${done} of 200 were done`);
      t.same((await t.request("GET", `${url}/${body.id}`)).json().version, version, "the version in the end");
      await remove(body.id);
    },
  },
  {
    name: "a mutation before hello",
    says: "A known message before `hello` is answered by `err` `bad_request` and 4400.",
    ways,
    run: async (t) => {
      const { url, title, mut } = await writer(t);
      const page = t.dial({ first: JSON.stringify(mut()) });
      await t.refused(page, "bad_request", 4400);
      t.same(await stands(t, url, title), 0, "how often it was done");
    },
  },
];
