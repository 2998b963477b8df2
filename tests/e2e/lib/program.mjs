// A server as its own process: it can be killed like one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const READY_WITHIN_MS = 30_000;

/** A program with a folder of its own, which says `listening on http://HOST:PORT` when it is ready. */
export class Program {
  #child;
  folder;
  url;

  /** Makes its folder; what is in there outlives the process, and goes with `stop`. */
  async prepare() {
    this.folder = await mkdtemp(join(tmpdir(), "everfresh-e2e-"));
  }

  async launch(program, args, env = {}) {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), READY_WITHIN_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      const match = /^listening on (http:\/\/\S+)$/.exec(line);
      if (match) {
        this.url = match[1];
        break;
      }
    }
    clearTimeout(timer);
    if (!this.url) throw new Error("the server ended before it listened");
    // A pipe that nobody empties would make it wait.
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
    await rm(this.folder, { recursive: true, force: true });
  }

  async ask(path, init) {
    const response = await fetch(`${this.url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  send(method, path, body) {
    return this.ask(path, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  stats() {
    return this.ask("/demo/stats");
  }
}
