// A server of Socket.IO as its own process: it can be killed like one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { need } from "./environment.mjs";

const READY_WITHIN_MS = 30_000;
const file = (name) => fileURLToPath(new URL(`../socketio/${name}`, import.meta.url));

/** The libraries that are there, and how a server of theirs is started. */
export const PROGRAMS = { "socket.io": [process.execPath, file("server.mjs")] };
const python = need("EVERFRESH_SOCKETIO_PYTHON");
if (python !== "none") PROGRAMS["python-socketio"] = [python, file("server.py")];

export class SocketIoServer {
  #program;
  #wanted;
  #folder;
  #child;
  url;

  /**
   * @param library a name of {@link PROGRAMS}
   * @param www the folder with the pages
   * @param wanted what it is to be like: `tokens`, `recovery`, `pingMs`, `timeoutMs`
   */
  static async start(library, www, wanted = {}) {
    const server = new SocketIoServer();
    server.#program = PROGRAMS[library];
    server.#folder = await mkdtemp(join(tmpdir(), "everfresh-socketio-"));
    server.#wanted = { ...wanted, www, port: 0, data: join(server.#folder, "tasks.json") };
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    const [program, ...args] = this.#program;
    const child = spawn(program, [...args, JSON.stringify(this.#wanted)], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), READY_WITHIN_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      const match = /^listening on (http:\/\/\S+:(\d+))$/.exec(line);
      if (match) {
        this.url = match[1];
        this.#wanted.port = Number(match[2]);
        break;
      }
    }
    clearTimeout(timer);
    if (!this.url) throw new Error("the server ended before it listened");
    child.stdout.resume();
  }

  /** Ends the process without a word, as a crash does. */
  async kill() {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
  }

  async stop() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(path, body) {
    const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${this.url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  stats() {
    return this.#ask("/demo/stats");
  }

  /** Another person's device adds a task; `silent`: without an event, as one that nobody hears. */
  addTask(title, silent = false) {
    return this.#ask("/api/tasks", { title, silent });
  }

  /** Tells everybody: `{ namespace, name, data, bytes, ack }`. */
  emit(event) {
    return this.#ask("/demo/emit", event);
  }

  /** Ends a namespace for everybody. */
  end(namespace) {
    return this.#ask("/demo/end", { namespace });
  }
}
