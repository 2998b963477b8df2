// What most tests stand on: a server, a browser, and at times a bad network between them.

import { after, afterEach, before, beforeEach } from "node:test";

import { Browser, eventually } from "./browser.mjs";
import { FaultProxy } from "./proxy.mjs";
import { Server } from "./server.mjs";

/**
 * To be called in the body of a `describe`. Each test has a browser of its own, and all of them one server. What it
 * gives has `server`, `browser`, `proxy` and `pages` while a test and its hooks run.
 *
 * @param own whether each test has a server of its own too, with nothing in it
 * @param flags more of the server's command line
 * @param pages makes the folder that is served, as `rigFolder` does; the demo is served if it is left out
 * @param start starts the server, which gets the folder that is served; our own is started if it is left out
 * @param proxy whether there is a proxy before the server, which does nothing until it is told to
 */
export function stage({ own = false, flags = [], pages = () => undefined, proxy = false, start = (www) => Server.start(flags, www) } = {}) {
  const here = {};
  const open = async () => {
    here.server = await start(here.pages?.folder);
  };

  before(async () => {
    here.pages = await pages();
    if (!own) await open();
  });

  after(async () => {
    if (!own) await here.server?.stop();
    await here.pages?.remove();
  });

  beforeEach(async () => {
    if (own) await open();
    if (proxy) here.proxy = await FaultProxy.start(here.server.url);
    here.browser = await Browser.start();
  });

  afterEach(async () => {
    const { browser, proxy, server } = here;
    here.browser = here.proxy = undefined;
    await browser?.stop();
    await proxy?.stop();
    if (own) await server?.stop();
    // What the next test counts begins when the server has noticed.
    else await eventually("all connections are closed", () => connections(here), (open) => open === 0);
  });

  return here;
}

/** How many sockets the server holds. */
export const connections = async ({ server }) => (await server.stats()).sockets_open;
