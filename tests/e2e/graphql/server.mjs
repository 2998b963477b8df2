// A server of GraphQL with npm `graphql-ws`, as an app has one. What a test wants of it comes as JSON in the first argument.

import { EventEmitter, on } from "node:events";

import { buildSchema, GraphQLError } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

import { app } from "../../../examples/stand-ins/app.mjs";

/** `tokens`: those that are good; any is if it is left out. */
const { port, www, data, tokens } = JSON.parse(process.argv[2]);
const PATH = "/graphql";

const schema = buildSchema(`
  type Task { title: String! }
  type Query { hello: String }
  type Subscription { task(list: ID!): Task!, elsewhere: Int!, secret: Int! }
`);

const changes = new EventEmitter();
const running = new Set();
/** What each page says of itself. */
const params = [];
let connects = 0;

/** The events of a name, as results of the field of that name, until nobody wants them or the server ends them. */
function told(name, event = name) {
  const events = on(changes, event);
  running.add(events);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const { done, value } = await events.next();
      return done ? { done } : { done, value: { [name]: value[0] } };
    },
    async return() {
      running.delete(events);
      await events.return();
      return { done: true };
    },
  };
}

const roots = {
  subscription: {
    task: ({ list }) => told("task", `task:${list}`),
    elsewhere: () => told("elsewhere"),
    secret: () => {
      throw new GraphQLError("not for you", { extensions: { code: "FORBIDDEN" } });
    },
  },
};

const http = app({
  www,
  data,
  told: ({ title }) => changes.emit("task:all", { title }),
  doors: {
    "/demo/emit": ({ name, value }) => void changes.emit(name, value),
    "/demo/complete": () => void [...running].forEach((events) => events.return()),
    "/demo/close": ({ code }) => void sockets.clients.forEach((socket) => socket.close(code, "for a test")),
    "/demo/params": () => params,
  },
  stats: () => ({ sockets_open: sockets.clients.size, connects }),
});

const sockets = new WebSocketServer({ server: http, path: PATH });
useServer(
  {
    schema,
    roots,
    onConnect: ({ connectionParams }) => {
      params.push(connectionParams ?? null);
      connects += 1;
      const token = connectionParams?.token ?? connectionParams?.authorization?.replace("Bearer ", "");
      return tokens === undefined || tokens.includes(token);
    },
  },
  sockets,
);

http.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
