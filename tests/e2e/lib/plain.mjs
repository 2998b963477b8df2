// A server without a realtime protocol as its own process.

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { eventually } from "./browser.mjs";
import { need } from "./environment.mjs";
import { Program } from "./program.mjs";
import { Rig, rigFolder } from "./rig.mjs";
import { connections, stage } from "./stage.mjs";

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

/** What a test stands on: such a server of its own, a browser, and a bad network between them. */
export const withServer = (wanted = {}) =>
  stage({ own: true, pages: rigFolder, proxy: true, start: (www) => PlainServer.start(www, wanted) });

export function visit(here, backend, more = {}) {
  return Rig.open(here.browser, here.proxy, "ann", { ...more, backend: JSON.stringify(backend) }, "socketio.html");
}

/** A tab that is connected, and has caught up with what it may have missed before it was. */
export async function open(here, backend, more) {
  const tab = await visit(here, backend, more);
  await tab.untilStatus("connected");
  await eventually(
    "all is fetched anew",
    () => tab.run("return { ...rig.fetched, busy: rig.fetching() }"),
    ({ tasks, counts, busy }) => tasks >= 2 && counts >= 2 && !busy,
  );
  return tab;
}

/** How often each thing was fetched. */
export const fetched = (tab) => tab.run("return rig.fetched");

/** Channel and payload of the events of a name. */
export async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

export async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}

/** Three tabs over one connection, and one of them closed. */
export async function severalTabs(here, backend) {
  const tabs = [];
  for (let n = 0; n < 3; n += 1) tabs.push(await open(here, backend));
  assert.equal(await connections(here), 1);
  await here.server.addTask("For all");
  for (const tab of tabs) await shows(tab, "For all");
  const roles = [];
  for (const tab of tabs) roles.push((await tab.snapshot()).role);
  const leader = roles.indexOf("leader");
  assert.equal(roles.filter((role) => role === "leader").length, 1, `${roles}`);
  const [first] = tabs.splice(leader, 1);
  await Promise.all([first.tab.close(), here.server.addTask("Around the change", true)]);
  for (const tab of tabs) await shows(tab, "Around the change");
  await eventually("one connection is open", () => connections(here), (open) => open === 1);
  await here.server.addTask("After the change");
  for (const tab of tabs) await shows(tab, "After the change");
}
