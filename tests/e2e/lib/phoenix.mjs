// A server of Phoenix and of Supabase Realtime as its own process.

import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.mjs";

const FILE = fileURLToPath(new URL("../../../examples/stand-ins/phoenix.mjs", import.meta.url));

export class PhoenixServer extends AppServer {
  /** @param wanted `tokens`, `readyMs`, `patienceMs`, `windowMs` */
  static start(www, wanted) {
    return PhoenixServer.run([process.execPath, FILE], www, wanted);
  }

  /** Does what a door of the server does: `emit`, `broadcast`, `change`, `crash`, `close`, `system`, `refuse`, `disconnect`, `said`. */
  does(door, with_ = {}) {
    return this.send("POST", `/demo/${door}`, with_);
  }
}
