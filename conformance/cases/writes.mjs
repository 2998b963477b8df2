// Writes over HTTP and what is told of them. They need a collection of tasks, as the protocol describes it.

/** A task, with what a page on the channel `tasks` heard of it. */
async function made(t, more = {}) {
  const url = t.need("tasks");
  const client = t.client();
  const page = await t.page({ client });
  await page.subscribe("tasks");
  const title = `conformance ${client}`;
  const post = (headers = {}, body = { title }) => t.request("POST", url, { ...more, ...headers }, body);
  const told = (wanted) => page.hearOf("ev", ({ data }) => data.title === title && wanted(data));
  return { url, client, page, title, post, told };
}

const fenced = (lease, key) => ({ "everfresh-fence": `${lease};tasks;${encodeURIComponent(key)}` });

async function lease(t, page, key, fence) {
  page.say({ t: "lock", id: 3, ch: "tasks", key, ttl: 60_000, ...(fence && { fence }) });
  return (await page.hearOf("lockd", (message) => message.key === key)).fence;
}

export const writes = [
  {
    name: "a write is told",
    says: "A server numbers an event in the same transaction as the write that it tells of: a page that fetches because of an event sees that write.",
    run: async (t) => {
      const { url, client, post, told, title } = await made(t);
      const answer = await post({ "everfresh-client": client });
      t.same(answer.status, 201, "the status");
      const { id } = answer.json();
      const event = await told((task) => task.id === id);
      t.has(event, { name: "task_created", by: client });
      const fetched = await t.request("GET", `${url}/${id}`);
      t.same(fetched.json().title, title, "what is fetched after the event");
      await t.request("DELETE", `${url}/${id}`);
    },
  },
  {
    name: "a write that is sent again",
    says: "A write with an `idempotency-key` is done once and answered again as before; with another content it is refused with 422.",
    run: async (t) => {
      const { url, post, told, page, client } = await made(t);
      const key = { "idempotency-key": `key-${client}` };
      const [first, again] = [await post(key), await post(key)];
      t.same([again.status, again.text], [first.status, first.text], "the second answer");
      const other = await post(key, { title: `conformance other ${client}` });
      t.same(other.status, 422, "the status of another content");
      const { id } = first.json();
      await t.request("PATCH", `${url}/${id}`, {}, { status: "done" });
      const { s } = await told((task) => task.status === "todo");
      const next = await told(() => true);
      t.ok(next.data.status === "done" && next.s > s, "the write was told twice");
      await t.request("DELETE", `${url}/${id}`);
      page.drop();
    },
  },
  {
    name: "a write under an old fence",
    says: "A write under an old fence is answered 412 `stale_fence` and has no effect.",
    run: async (t) => {
      const { url, post, page } = await made(t);
      if (!page.welcome.can?.includes("lock")) t.skip("the server's `can` has no `lock`");
      const { id } = (await post()).json();
      const key = `${id}/title`;
      const old = await lease(t, page, key);
      const patch = (fence, title) => t.request("PATCH", `${url}/${id}`, fenced(fence, key), { title });
      t.same((await patch(old, "one")).status, 200, "the status under the fence of the lease");
      const next = await lease(t, page, key);
      const late = await patch(old, "late");
      t.same([late.status, late.json().error.code], [412, "stale_fence"], "the answer under the old fence");
      t.same((await t.request("GET", `${url}/${id}`)).json().title, "one", "the title");
      t.same((await patch(next, "two")).status, 200, "the status under the new fence");
      await t.request("DELETE", `${url}/${id}`);
    },
  },
  {
    name: "a version that is not the last",
    says: "If the task is another one by now it is refused with 409 `changed`, and the answer has the task in `current`.",
    run: async (t) => {
      const { url, post } = await made(t);
      const task = (await post()).json();
      const patch = (body) => t.request("PATCH", `${url}/${task.id}`, {}, body);
      const changed = (await patch({ status: "doing", version: task.version })).json();
      t.same(changed.version, task.version + 1, "the version after a write");
      const refused = await patch({ status: "done", version: task.version });
      t.same([refused.status, refused.json().error.code], [409, "changed"], "the answer");
      t.same(refused.json().current, changed, "`current`");
      await t.request("DELETE", `${url}/${task.id}`);
    },
  },
  {
    name: "what did not change",
    says: "304 without a body where `if-none-match` names that tag.",
    run: async (t) => {
      const { url, post } = await made(t);
      const { id } = (await post()).json();
      const first = await t.request("GET", `${url}/${id}`);
      const tag = first.headers.get("etag");
      t.ok(/^"[^"]+"$/.test(tag), `\`etag\` is ${tag}`);
      const again = await t.request("GET", `${url}/${id}`, { "if-none-match": tag });
      // Other writes may have come between: then the tag is another one.
      const well = again.status === 304 ? again.text === "" : again.headers.get("etag") !== tag;
      t.ok(well, `answered ${again.status} under the same tag`);
      await t.request("DELETE", `${url}/${id}`);
    },
  },
];
