// A server without a realtime protocol as its own process, and what is so with each of its ways to tell.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.mjs";
import { backendStage, visit } from "./backend.mjs";
import { eventually } from "./browser.mjs";
import { need } from "./environment.mjs";
import { connections } from "./stage.mjs";

const FILE = fileURLToPath(new URL("../plain/server.py", import.meta.url));
const python = need("EVERFRESH_PLAIN_PYTHON");

/** For tests that need it. */
export const skip = python === "none" ? "there is no Python with FastAPI" : false;

export class PlainServer extends AppServer {
  /**
   * @param wanted `tokens`, `early` (refuses before it accepts), `refuseBy` (a close code), `mute` (gives no sign of
   *   life), `answer` (a status, where a stream is wanted), `pingS`
   */
  static start(www, wanted) {
    return PlainServer.run([python, FILE], www, wanted);
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

export const withServer = (wanted) => backendStage((www) => PlainServer.start(www, wanted));

/** A token that is refused needs a login, and a new one is told on a connection of its own. */
export async function wantsTokens(here, backend) {
  const tab = await visit(here, backend, { token: "bad" });
  await tab.untilStatus("needs-auth");
  assert.equal((await tab.snapshot()).authenticated, false);
  await tab.run("rig.logIn('good')");
  await tab.untilStatus("connected");
  const { connects } = await here.server.stats();
  await tab.run("rig.logIn('better')");
  await eventually("it is told of the next", () => here.server.stats(), (stats) => stats.connects > connects);
  await eventually("one connection is open", () => connections(here), (open) => open === 1);
}
