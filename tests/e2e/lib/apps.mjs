// The apps of tests/fixtures as they were built there, each with a server of its kind before the real one, and with an
// ear at the console.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { need } from "./environment.mjs";
import { Front } from "./front.mjs";

const READY_WITHIN_MS = 60_000;

/** Hears every warning and error of the page, from its first script on. */
const EAR = `window.heard = [];
for (const level of ["warn", "error"]) {
  const tell = console[level];
  console[level] = (...said) => {
    heard.push(level + ": " + said.map(String).join(" "));
    tell.apply(console, said);
  };
}
addEventListener("error", ({ message, target }) => heard.push("error: " + (message ?? target.src ?? target.href)), true);
addEventListener("unhandledrejection", ({ reason }) => heard.push("rejection: " + reason));
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => heard.push("policy: " + violatedDirective + " " + blockedURI));
`;

/** The folder of an app. */
export const appFolder = (name) => join(need("EVERFRESH_APPS"), name);

/**
 * One address for an app: what belongs to the real server goes there, the rest to the app's own, if it has one. Every
 * page listens to its console, and nobody asks for an icon that is not there.
 */
export function gate(server, own = server.url, changes = {}) {
  return Front.start(own, {
    ...changes,
    route: (path) => (/^\/(live|api)\b/.test(path) ? server.url : own),
    page: (html) => html.replace(/<head[^>]*>/, '$&<script src="/ear.js"></script>'),
    answer: (url, response) => {
      if (url === "/ear.js") response.writeHead(200, { "content-type": "text/javascript" }).end(EAR);
      else if (url === "/favicon.ico") response.writeHead(204).end();
      else return changes.answer?.(url, response) ?? false;
      return true;
    },
  });
}

/** A program of an app that serves it. */
export class Process {
  #child;
  url;

  /** @param args a script of the app, and what it is told */
  static async start(name, ...args) {
    const one = new Process();
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
    // What a server in production must not be told by the runner of tests.
    delete env.NODE_ENV;
    // It may start others, which have to end with it.
    const child = spawn(process.execPath, args, { cwd: appFolder(name), env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    one.#child = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const timer = setTimeout(() => one.stop(), READY_WITHIN_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      said += `${line}\n`;
      // Some say it in colours.
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line.replaceAll(/\u001b\[\d+m/g, ""));
      if (match) {
        one.url = match[0];
        break;
      }
    }
    clearTimeout(timer);
    if (!one.url) throw new Error(`${args.join(" ")} ended before it listened:\n${said}`);
    child.stdout.resume();
    return one;
  }

  async stop() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await gone;
  }
}
