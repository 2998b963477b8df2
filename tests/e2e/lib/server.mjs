// The real server, as its own process.

import { join } from "node:path";

import { need } from "./environment.mjs";
import { Program } from "./program.mjs";

/** A server with a data file of its own, that can be killed and started again at the same address. */
export class Server extends Program {
  #flags;
  #listen = "127.0.0.1:0";
  #www;

  /**
   * @param flags more of the command line, such as `["--ping-ms", "1000"]`
   * @param www the folder with the pages; the demo if it is left out
   */
  static async start(flags = [], www = need("EVERFRESH_WWW")) {
    const server = new this();
    server.#www = www;
    server.#flags = flags;
    await server.prepare();
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    const data = join(this.folder, "records.db");
    const args = ["--listen", this.#listen, "--www", this.#www, "--data", data, "--demo", ...this.#flags];
    await this.launch(need("EVERFRESH_SERVER"), args);
    this.#listen = new URL(this.url).host;
  }

  tasks() {
    return this.ask("/api/tasks");
  }

  /** Another person's device adds a task. */
  addTask(title) {
    return this.send("POST", "/api/tasks", { title });
  }

  renameTask(id, title) {
    return this.send("PATCH", `/api/tasks/${id}`, { title });
  }

  /** Many events at once, which change no task. */
  burst(count) {
    return this.send("POST", "/demo/burst", { count });
  }

  /** Drops every socket, without a close frame. */
  cut() {
    return this.send("POST", "/demo/cut", {});
  }
}
