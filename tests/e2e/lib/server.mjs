// The real server, as its own process: it can be killed like one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { need } from "./environment.mjs";

const READY_WITHIN_MS = 30_000;

/** A server with a data file of its own, that can be killed and started again at the same address. */
export class Server {
  #child;
  #folder;
  #flags;
  #listen = "127.0.0.1:0";
  #www;
  url;

  /**
   * @param flags more of the command line, such as `["--ping-ms", "1000"]`
   * @param www the folder with the pages; the demo if it is left out
   */
  static async start(flags = [], www = need("EVERFRESH_WWW")) {
    const server = new Server();
    server.#www = www;
    server.#flags = flags;
    server.#folder = await mkdtemp(join(tmpdir(), "everfresh-e2e-"));
    await server.restart();
    return server;
  }

  /** Starts the process; at the same address and with the same data as before, if there was one. */
  async restart() {
    const child = spawn(
      need("EVERFRESH_SERVER"),
      [
        ...["--listen", this.#listen, "--www", this.#www],
        ...["--data", join(this.#folder, "records.db"), "--demo"],
        ...this.#flags,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), READY_WITHIN_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      const match = /^listening on (http:\/\/(\S+))$/.exec(line);
      if (match) {
        this.url = match[1];
        this.#listen = match[2];
        break;
      }
    }
    clearTimeout(timer);
    if (!this.url) throw new Error("the server ended before it listened");
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

  async #ask(path, init) {
    const response = await fetch(`${this.url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  #send(method, path, body) {
    return this.#ask(path, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  stats() {
    return this.#ask("/demo/stats");
  }

  tasks() {
    return this.#ask("/api/tasks");
  }

  /** Another person's device adds a task. */
  addTask(title) {
    return this.#send("POST", "/api/tasks", { title });
  }

  renameTask(id, title) {
    return this.#send("PATCH", `/api/tasks/${id}`, { title });
  }

  /** Many events at once, which change no task. */
  burst(count) {
    return this.#send("POST", "/demo/burst", { count });
  }

  /** Drops every socket, without a close frame. */
  cut() {
    return this.#send("POST", "/demo/cut", {});
  }
}
