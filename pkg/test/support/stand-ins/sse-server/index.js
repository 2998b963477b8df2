// A server of a stream of events at `/events`.
let stream;

export const server = {
  status: 200,
  opened: 0,
  answer(method, path) {
    if (path !== "/events") return undefined;
    server.opened += 1;
    if (server.status !== 200) return new Response(null, { status: server.status });
    const body = new ReadableStream({ start: (controller) => (stream = controller) });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  },
  tell: (text) => stream.enqueue(new TextEncoder().encode(text)),
  end: () => stream.close(),
};
