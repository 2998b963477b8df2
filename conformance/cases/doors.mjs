// The addresses below that of the socket, beside what is said over them.

import { knock } from "../lib/http.mjs";

const hello = (t) => JSON.stringify({ t: "hello", v: 1, client: t.client() });

async function status(t, door, body, options) {
  t.story.push({ page: door, sign: ">", text: body });
  const answer = await knock(t.options.url, door, body, options);
  // A stream goes on and on.
  const streams = answer.headers.get("content-type")?.startsWith("text/event-stream");
  const text = streams ? "a stream" : await answer.text();
  if (streams) await answer.body.cancel();
  t.story.push({ page: door, sign: "<", text: `${answer.status} ${text}` });
  return answer.status;
}

export const doors = [
  {
    name: "GET without an upgrade",
    says: 'GET without an upgrade: 200 with `{"t":"alive"}`.',
    run: async (t) => {
      const answer = await t.request("GET", t.options.url.replace(/^ws/, "http"));
      t.same(answer.status, 200, "the status");
      t.same(answer.json().t, "alive", "`t`");
    },
  },
  {
    name: "another content type",
    says: "Another content type is answered 415: a form or plain text may be sent by any site's page.",
    run: async (t) => {
      for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
        const headers = { "content-type": type };
        for (const door of ["sse", "poll", "send"]) t.same(await status(t, door, hello(t), { headers }), 415, `${door} as ${type}`);
      }
    },
  },
  {
    name: "a session that is not there",
    says: "404 or 410 for a session that is over.",
    run: async (t) => {
      const from = '{"t":"from","session":"conformance-none"}';
      for (const door of ["poll", "send"]) t.ok([404, 410].includes(await status(t, door, from)), `${door} was not refused`);
    },
  },
  {
    name: "a body that is too large",
    says: "Bodies are at most 64 KiB; 413 for 4413.",
    run: async (t) => {
      const body = `${hello(t)}\n${JSON.stringify({ t: "conformance-shoe", x: "x".repeat(65 * 1024) })}`;
      t.same(await status(t, "poll", body), 413, "the status");
    },
  },
];
