// A server of Phoenix and of Supabase Realtime as its own process.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Program } from "./program.mjs";

const FILE = fileURLToPath(new URL("../phoenix/server.mjs", import.meta.url));

export class PhoenixServer extends Program {
  #wanted;

  /**
   * @param www the folder with the pages
   * @param wanted what it is to be like: `tokens`, `readyMs`, `patienceMs`
   */
  static async start(www, wanted = {}) {
    const server = new PhoenixServer();
    await server.prepare();
    server.#wanted = { ...wanted, www, port: 0, data: join(server.folder, "tasks.json") };
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    await this.launch(process.execPath, [FILE, JSON.stringify(this.#wanted)]);
    this.#wanted.port = Number(new URL(this.url).port);
  }

  /** Another person's device adds a task; `silent`: without an event, as one that nobody hears. */
  addTask(title, silent = false) {
    return this.send("POST", "/api/tasks", { title, silent });
  }

  /** Does what a door of the server does: `emit`, `change`, `crash`, `close`, `system`, `refuse`, `disconnect`, `said`. */
  does(door, with_ = {}) {
    return this.send("POST", `/demo/${door}`, with_);
  }
}
