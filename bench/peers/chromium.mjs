// A headless Chromium, and what DevTools tells of its pages.

import { Builder } from "../../tests/e2e/node_modules/selenium-webdriver/index.js";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
/** No page is hidden from a user who is not there. */
const AWAKE = ["--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows"];
/** What one thing in a page may take. Ten thousand mutations then have 3 ms each to be stored; whoever needs more gets a dash. */
const PATIENCE_MS = 30_000;

export class Chromium {
  #driver;

  static async start() {
    const chromium = new Chromium();
    const options = { binary: process.env.EVERFRESH_BROWSER, args: [...FLAGS, ...AWAKE] };
    chromium.#driver = await new Builder()
      .usingServer(process.env.EVERFRESH_WEBDRIVER)
      .withCapabilities({ browserName: "chrome", "goog:chromeOptions": options })
      .build();
    await chromium.#driver.manage().setTimeouts({ script: PATIENCE_MS });
    return chromium;
  }

  /** A page of a contestant, in a tab of its own. */
  async open(origin, contestant) {
    const driver = this.#driver;
    if ((await driver.getCurrentUrl()).startsWith("http")) await driver.switchTo().newWindow("tab");
    await driver.get(`${origin}/?contestant=${contestant}`);
    const page = new Page(driver, await driver.getWindowHandle());
    await driver.sendDevToolsCommand("Performance.enable", { timeDomain: "threadTicks" });
    return page;
  }

  /** As a browser that was just started: one empty tab, and nothing stored. */
  async clear(origin) {
    const driver = this.#driver;
    const handles = await driver.getAllWindowHandles();
    await driver.switchTo().newWindow("tab");
    const empty = await driver.getWindowHandle();
    for (const handle of handles) {
      await driver.switchTo().window(handle);
      await driver.close();
    }
    await driver.switchTo().window(empty);
    await driver.sendDevToolsCommand("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
  }

  async stop() {
    await this.#driver.quit();
  }
}

class Page {
  #driver;
  #handle;

  constructor(driver, handle) {
    this.#driver = driver;
    this.#handle = handle;
  }

  /** Calls a function of the harness. */
  async call(name, ...args) {
    await this.#driver.switchTo().window(this.#handle);
    const { value, error } = await this.#driver.executeScript(
      "return window.load().then((harness) => harness[arguments[0]](...arguments[1])).then((value) => ({ value }), (error) => ({ error: String(error?.stack ?? error) }))",
      name,
      args,
    );
    if (error) throw new Error(error);
    return value;
  }

  async #devtools(command, parameters = {}) {
    await this.#driver.switchTo().window(this.#handle);
    return this.#driver.sendDevToolsCommand(command, parameters);
  }

  /** Takes the network away from the page, or gives it back. */
  async network(there) {
    await this.#devtools("Network.enable");
    const free = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await this.#devtools("Network.emulateNetworkConditions", { offline: !there, ...free });
  }

  async close() {
    await this.#driver.switchTo().window(this.#handle);
    await this.#driver.close();
    const [first] = await this.#driver.getAllWindowHandles();
    await this.#driver.switchTo().window(first);
  }

  /** Ends its process without a word. */
  async crash() {
    await this.#devtools("Page.crash").catch(() => {});
    const handles = (await this.#driver.getAllWindowHandles()).filter((handle) => handle !== this.#handle);
    await this.#driver.switchTo().window(handles[0]);
  }

  /** The same, with the fetching of the module; how many milliseconds it took. */
  async timed(name, ...args) {
    await this.#driver.switchTo().window(this.#handle);
    return this.#driver.executeScript(
      "const began = performance.now(); return window.load().then((harness) => harness[arguments[0]](...arguments[1])).then(() => performance.now() - began)",
      name,
      args,
    );
  }

  async #metric(name) {
    await this.#driver.switchTo().window(this.#handle);
    const { metrics } = await this.#driver.sendAndGetDevToolsCommand("Performance.getMetrics", {});
    return metrics.find((metric) => metric.name === name)?.value;
  }

  /** Seconds of the main thread that were spent on tasks so far. */
  busy() {
    return this.#metric("TaskDuration");
  }

  /** Its heap when nothing can be freed any more. */
  async heap() {
    await this.#driver.switchTo().window(this.#handle);
    await this.#driver.sendDevToolsCommand("HeapProfiler.collectGarbage", {});
    return this.#metric("JSHeapUsedSize");
  }
}
