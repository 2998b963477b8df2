// The server of an app as its own process, in whichever language it is written.

import { join } from "node:path";

import { Program } from "./program.mjs";

/** A program that gets as JSON, in its last argument, what a test wants of it. */
export class AppServer extends Program {
  #command;
  #wanted;

  /**
   * @param command the program and its arguments
   * @param www the folder with the pages
   * @param wanted what it is to be like; each server says of itself what there is
   */
  static async run(command, www, wanted) {
    const server = new this();
    await server.prepare();
    server.#command = command;
    server.#wanted = { ...wanted, www, port: 0, data: join(server.folder, "tasks.json") };
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    const [program, ...args] = this.#command;
    await this.launch(program, [...args, JSON.stringify(this.#wanted)]);
    this.#wanted.port = Number(new URL(this.url).port);
  }

  /** Another person's device adds a task; `silent`: without an event, as one that nobody hears. */
  addTask(title, silent = false) {
    return this.send("POST", "/api/tasks", { title, silent });
  }
}
