// Opens the page in a real browser, and gives its figures.

import { fileURLToPath } from "node:url";

import { Browser } from "../../tests/e2e/lib/browser.mjs";
import { rigFolder } from "../../tests/e2e/lib/rig.mjs";
import { Server } from "../../tests/e2e/lib/server.mjs";

export async function figures() {
  const page = await rigFolder(fileURLToPath(new URL(".", import.meta.url)));
  const server = await Server.start([], page.folder);
  const browser = await Browser.start();
  try {
    const tab = await browser.open(server.url);
    for (;;) {
      const found = await tab.run("return window.found ?? null");
      if (found?.error) throw new Error(found.error);
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await browser.stop();
    await server.stop();
    await page.remove();
  }
}
