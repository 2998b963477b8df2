// A server of Centrifugo as its own process.

import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.mjs";

const FILE = fileURLToPath(new URL("../../../examples/stand-ins/centrifugo.mjs", import.meta.url));

export class CentrifugoServer extends AppServer {
  /** @param wanted `tokens`, `ttl`, `ping`, `keeps`, `given`, `channelTtl`, `deltas` */
  static start(www, wanted) {
    return CentrifugoServer.run([process.execPath, FILE], www, wanted);
  }

  /** Does what a door of the server does: `publish`, `take-back`, `refuse`, `channel-tokens`, `disconnect`, `said`. */
  does(door, with_ = {}) {
    return this.send("POST", `/demo/${door}`, with_);
  }
}
