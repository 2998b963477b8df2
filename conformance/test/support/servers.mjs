// Servers as processes of their own, with what the suite needs of a server's help.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = join(import.meta.dirname, "../../..");
/** Far more than any of them takes to start. */
const READY_WITHIN_MS = 60_000;

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: \`cargo xtask test --only conformance\` sets it`);
  return value;
}

/** The reference server, with its data in a file, and so with the same numbers after a restart. */
export const everfresh = {
  publish: "/api/publish",
  tasks: "/api/tasks",
  command: (port, folder, quick) => [
    need("EVERFRESH_SERVER"),
    ["--demo", "--listen", `127.0.0.1:${port}`, "--data", join(folder, "records.db")],
    quick ? { EVERFRESH_PING_MS: "1000", EVERFRESH_HELLO_MS: "1000", EVERFRESH_PRESENCE_GRACE_MS: "300" } : {},
  ],
};

/** Who has it may publish. */
const KEY = randomBytes(24).toString("hex");

/** The same, where only those come in whose tokens are in a file. */
export const listed = {
  ...everfresh,
  flags: ["--token", "T1", "--other-token", "T2", "--wrong-token", "T3", "--closed", "private", "--header", `authorization: Bearer ${KEY}`],
  command: (port, folder) => {
    const [program, args] = everfresh.command(port, folder, false);
    const file = join(folder, "people");
    writeFileSync(file, "T1 jane conformance-*\nT2 bob conformance-* private\n");
    return [program, [...args, "--people", file], { EVERFRESH_PUBLISH_KEY: KEY }];
  },
};

export const fastapi = {
  publish: "/publish",
  command: (port, _folder, quick) => [
    need("EVERFRESH_PYTHON"),
    ["-m", "uvicorn", "app:app", "--app-dir", join(ROOT, "examples/fastapi"), "--port", String(port), "--log-level", "warning"],
    { PYTHONDONTWRITEBYTECODE: "1", ...clocks(quick) },
  ],
};

export const express = {
  publish: "/publish",
  command: (port, _folder, quick) => [
    process.execPath,
    [join(ROOT, "examples/express/app.mjs")],
    { PORT: String(port), ...clocks(quick) },
  ],
};

const clocks = (quick) => (quick ? { PING_MS: "1000", HELLO_MS: "1000" } : {});

/** Starts a server; `quick` sets its clocks to a second, `env` is for it besides. */
export async function start(kind, { quick = false, env: more = {} } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-conformance-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child;

  async function begin() {
    const [program, args, env] = kind.command(port, folder, quick);
    child = spawn(program, args, { env: { ...process.env, ...env, ...more }, stdio: ["ignore", "ignore", "inherit"] });
    const failed = once(child, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    for (const until = Date.now() + READY_WITHIN_MS; ; ) {
      if (await Promise.race([failed, fetch(url).then(() => true, () => false)])) return;
      if (child.exitCode !== null || Date.now() > until) throw new Error(`${program} did not come to listen`);
      await sleep(20);
    }
  }

  async function end() {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  await begin();
  const hooks = await serve({
    "/restart": async () => {
      await end();
      await begin();
    },
    // What was in memory is gone with the process, and what was on disk with the folder.
    "/forget": async () => {
      await end();
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await begin();
    },
  });
  return {
    live: `ws://127.0.0.1:${port}/live`,
    flags: [
      ...["--publish", url + kind.publish, "--restart", `${hooks.url}/restart`, "--forget", `${hooks.url}/forget`],
      ...(kind.flags ?? []),
      ...(kind.tasks ? ["--tasks", url + kind.tasks] : []),
    ],
    stop: async () => {
      hooks.stop();
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function serve(hooks) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const bytes of request) body += bytes;
    try {
      await hooks[request.url](JSON.parse(body));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

async function freePort() {
  const server = await serve({});
  server.stop();
  return Number(new URL(server.url).port);
}
