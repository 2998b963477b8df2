// A page with the package alone, for what a demo has no place for.

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { eventually } from "./browser.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * Puts a page, the compiled package and TanStack Query into a folder that a server can serve.
 *
 * @param page the folder of the page; that of the rig if it is left out
 */
export async function rigFolder(page = path("../rig")) {
  const folder = await mkdtemp(join(tmpdir(), "everfresh-rig-"));
  await cp(page, folder, { recursive: true });
  await cp(path("../../../pkg/dist"), join(folder, "everfresh"), { recursive: true });
  const queryCore = dirname(fileURLToPath(import.meta.resolve("@tanstack/query-core")));
  await cp(queryCore, join(folder, "query-core"), { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** One tab with that page. */
export class Rig {
  #tab;

  /**
   * @param more parameters of the page: `share`
   * @param page another page of the folder
   */
  static async open(browser, server, user = "ann", more = {}, page = "") {
    const rig = new Rig();
    rig.#tab = await browser.open(`${server.url}/${page}?${new URLSearchParams({ user, ...more })}`);
    await eventually("the page runs", () => rig.run("return window.rig !== undefined"));
    return rig;
  }

  get tab() {
    return this.#tab;
  }

  run(script, ...args) {
    return this.#tab.run(script, ...args);
  }

  add(prefix, count) {
    return this.run("rig.add(arguments[0], arguments[1])", prefix, count);
  }

  tally() {
    return this.run("return rig.tally");
  }

  shown() {
    return this.run("return rig.shown()");
  }

  /** Whether the page waits for an answer of the server. */
  fetching() {
    return this.run("return rig.fetching()");
  }

  heard() {
    return this.run("return rig.heard");
  }

  /** Since when it leads and is connected; `null` if it does not. */
  leadsSince() {
    return this.run("return rig.leadsSince()");
  }

  snapshot() {
    return this.run("return rig.live.getSnapshot()");
  }

  /** The titles of the mutations in a list of the queue, as this page sees it. */
  async listed(of = "queue") {
    const script = `const done = arguments[arguments.length - 1];
      rig.live.queue.list({ of: arguments[0], limit: 100 }).then(
        ({ items }) => done(items.map((item) => item.vars.title)),
        (error) => done(error.code));`;
    return this.#tab.runAsync(script, of);
  }

  async untilStatus(status) {
    await eventually(`the status is ${status}`, async () => (await this.snapshot()).status, (seen) => seen === status);
  }

  async untilRole(role) {
    await eventually(`the role is ${role}`, async () => (await this.snapshot()).role, (seen) => seen === role);
  }
}
