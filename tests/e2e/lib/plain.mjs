// A server without a realtime protocol as its own process.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { need } from "./environment.mjs";
import { Program } from "./program.mjs";

const file = fileURLToPath(new URL("../plain/server.py", import.meta.url));
const python = need("EVERFRESH_PLAIN_PYTHON");

/** For tests that need it. */
export const skip = python === "none" ? "there is no Python with FastAPI" : false;

export class PlainServer extends Program {
  #wanted;

  /**
   * @param www the folder with the pages
   * @param wanted what it is to be like: `tokens`, `early` (refuses before it accepts), `refuseBy` (a close code),
   * `mute` (gives no sign of life), `answer` (a status, where a stream is wanted), `pingS`
   */
  static async start(www, wanted = {}) {
    const server = new PlainServer();
    await server.prepare();
    server.#wanted = { ...wanted, www, port: 0, data: join(server.folder, "tasks.json") };
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    await this.launch(python, [file, JSON.stringify(this.#wanted)]);
    this.#wanted.port = Number(new URL(this.url).port);
  }

  /** Another person's device adds a task; `silent`: without an event, as one that nobody hears. */
  addTask(title, silent = false) {
    return this.send("POST", "/api/tasks", { title, silent });
  }

  /** Tells everybody, or those who follow a channel. */
  emit(message, channel) {
    return this.send("POST", "/demo/emit", { message, channel });
  }

  /** Loses a message on the way to everybody. */
  skip() {
    return this.send("POST", "/demo/skip");
  }
}
