// A server of Socket.IO as its own process.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { need } from "./environment.mjs";
import { Program } from "./program.mjs";

const file = (name) => fileURLToPath(new URL(`../socketio/${name}`, import.meta.url));

/** The libraries that are there, and how a server of theirs is started. */
export const PROGRAMS = { "socket.io": [process.execPath, file("server.mjs")] };
const python = need("EVERFRESH_SOCKETIO_PYTHON");
if (python !== "none") PROGRAMS["python-socketio"] = [python, file("server.py")];

export class SocketIoServer extends Program {
  #program;
  #wanted;

  /**
   * @param library a name of {@link PROGRAMS}
   * @param www the folder with the pages
   * @param wanted what it is to be like: `tokens`, `recovery`, `pingMs`, `timeoutMs`
   */
  static async start(library, www, wanted = {}) {
    const server = new SocketIoServer();
    server.#program = PROGRAMS[library];
    await server.prepare();
    server.#wanted = { ...wanted, www, port: 0, data: join(server.folder, "tasks.json") };
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    const [program, ...args] = this.#program;
    await this.launch(program, [...args, JSON.stringify(this.#wanted)]);
    this.#wanted.port = Number(new URL(this.url).port);
  }

  /** Another person's device adds a task; `silent`: without an event, as one that nobody hears. */
  addTask(title, silent = false) {
    return this.send("POST", "/api/tasks", { title, silent });
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
