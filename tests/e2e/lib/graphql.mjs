// A server of GraphQL as its own process.

import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.mjs";

const FILE = fileURLToPath(new URL("../graphql/server.mjs", import.meta.url));

export class GraphQlServer extends AppServer {
  /** @param wanted `tokens` */
  static start(www, wanted) {
    return GraphQlServer.run([process.execPath, FILE], www, wanted);
  }

  /** Does what a door of the server does: `emit`, `complete`, `close`, `params`. */
  does(door, with_ = {}) {
    return this.send("POST", `/demo/${door}`, with_);
  }
}
