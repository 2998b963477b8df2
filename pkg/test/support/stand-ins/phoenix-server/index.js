// A server of Phoenix channels at the other end of every socket of the page, as much of it as the samples use.
import { serve } from "../sockets.mjs";

/** How long the database of Supabase takes until it tells of changes. */
const READY_MS = 2000;

export const server = serve({ takes, at: /vsn=/ });
const { tell } = server;
Object.assign(server, {
  said: [],
  answer: ["ok", {}],
  tell: (topic, event, payload) => tell(JSON.stringify([null, null, topic, event, payload])),
});

function takes(text, socket) {
  const [join, ref, topic, event, payload] = JSON.parse(text);
  if (event !== "heartbeat") server.said.push([topic, event, payload]);
  if (event === "access_token") return;
  const [status, response] = event === "phx_join" ? server.answer : ["ok", {}];
  const changes = (payload.config?.postgres_changes ?? []).map((change, id) => ({ id, ...change }));
  const answered = payload.config && status === "ok" ? { postgres_changes: changes, ...response } : response;
  socket.hear(JSON.stringify([join, ref, topic, "phx_reply", { status, response: answered }]));
  if (event !== "phx_join" || status !== "ok" || changes.length === 0) return;
  const ready = { extension: "postgres_changes", status: "ok", message: "Subscribed to PostgreSQL" };
  setTimeout(() => socket.hear(JSON.stringify([join, null, topic, "system", ready])), READY_MS);
}
