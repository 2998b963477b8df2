// A server of Socket.IO as its own process.

import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.mjs";
import { engine, need } from "./environment.mjs";

const file = (name) => fileURLToPath(new URL(`../socketio/${name}`, import.meta.url));

/**
 * The libraries that are there, and how a server of theirs is started. What differs between two servers is the same in every engine:
 * the one in Python is tried in Chromium, and in the others on the demo's page of backends.
 */
export const PROGRAMS = { "socket.io": [process.execPath, file("server.mjs")] };
const python = need("EVERFRESH_SOCKETIO_PYTHON");
if (python !== "none" && engine() === "chromium") PROGRAMS["python-socketio"] = [python, file("server.py")];

export class SocketIoServer extends AppServer {
  /**
   * @param library a name of {@link PROGRAMS}
   * @param wanted `tokens`, `recovery`, `pingMs`, `timeoutMs`, `transports`
   */
  static start(library, www, wanted) {
    return SocketIoServer.run(PROGRAMS[library], www, wanted);
  }

  /** Tells everybody: `{ namespace, name, data, bytes, ack }`. */
  emit(event) {
    return this.send("POST", "/demo/emit", event);
  }

  /** Ends a namespace for everybody. */
  end(namespace) {
    return this.send("POST", "/demo/end", { namespace });
  }
}
