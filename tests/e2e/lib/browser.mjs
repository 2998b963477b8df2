// A browser with several tabs, by WebDriver, the same for all engines.

import { Builder, By } from "selenium-webdriver";

import { engine, need } from "./environment.mjs";

/** How long a condition may take. Not a measure of speed: a busy machine is slow. */
const PATIENCE_MS = 30_000;
/** A way that hangs is left after ten seconds if the server is in sight then; if a busy machine hides it, after ten more, and so on. */
export const WAYS_MS = 3 * PATIENCE_MS;
const LOOK_EVERY_MS = 50;

/** What a driver tells Chromium to leave undone to pages that nobody sees. */
const SPARED = [
  "disable-background-timer-throttling",
  "disable-backgrounding-occluded-windows",
  "disable-renderer-backgrounding",
];

function capabilities(throttles) {
  const binary = need("EVERFRESH_BROWSER");
  switch (engine()) {
    case "chromium":
      return {
        browserName: "chrome",
        "goog:loggingPrefs": { browser: "WARNING" },
        "goog:chromeOptions": {
          binary,
          excludeSwitches: throttles ? SPARED : [],
          args: [
            ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            ...["--disable-quic", "--no-first-run", "--disable-background-networking"],
            ...["--disable-component-update", "--disable-sync"],
            // A process a tab: one that crashes must not take the others along.
            ...["--process-per-tab", "--renderer-process-limit=20"],
          ],
        },
      };
    case "firefox":
      return {
        browserName: "firefox",
        "moz:firefoxOptions": { binary, args: ["-headless"] },
      };
    case "webkit":
      return {
        browserName: "MiniBrowser",
        "webkitgtk:browserOptions": { binary, args: ["--automation"] },
      };
    default:
      throw new Error(`no such engine: ${engine()}`);
  }
}

/** Waits until a condition holds; says what it saw last if it never does. */
export async function eventually(what, look, holds = Boolean, patienceMs = PATIENCE_MS) {
  const until = Date.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > until) throw new Error(`${what}: still ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** One browser profile. */
export class Browser {
  #driver;

  /** @param throttles whether it slows the timers of hidden pages down, as it does for people */
  static async start({ throttles = false } = {}) {
    const browser = new Browser();
    browser.#driver = await new Builder()
      .usingServer(need("EVERFRESH_WEBDRIVER"))
      .withCapabilities(capabilities(throttles))
      .build();
    return browser;
  }

  /** Opens a page: in the first tab if it is empty still, else in a new one. */
  async open(url) {
    const driver = this.#driver;
    const current = await driver.getCurrentUrl().catch(() => "");
    if (current.startsWith("http")) await driver.switchTo().newWindow("tab");
    await driver.get(url);
    // What a reload would wipe out.
    await driver.executeScript("window.loadedOnce = true");
    return new Tab(driver, await driver.getWindowHandle());
  }

  /** How many tabs and windows are open. */
  async windows() {
    return (await this.#driver.getAllWindowHandles()).length;
  }

  /** Hides every page. A driver keeps a page visible that is only behind another one. */
  async minimize() {
    await this.#driver.manage().window().minimize();
  }

  async stop() {
    await this.#driver.quit();
  }
}

/** One tab of the demo. */
export class Tab {
  #driver;
  #handle;

  constructor(driver, handle) {
    this.#driver = driver;
    this.#handle = handle;
  }

  async #here() {
    await this.#driver.switchTo().window(this.#handle);
    return this.#driver;
  }

  async run(script, ...args) {
    return (await this.#here()).executeScript(script, ...args);
  }

  /** Runs what calls its last argument when it is done. */
  async runAsync(script, ...args) {
    return (await this.#here()).executeAsyncScript(script, ...args);
  }

  /** The text of the element with a test id. */
  text(testId) {
    return this.run(
      "return document.querySelector(`[data-testid='${arguments[0]}']`)?.textContent ?? null",
      testId,
    );
  }

  /** A data attribute of the element with a test id. */
  data(testId, name) {
    return this.run(
      "return document.querySelector(`[data-testid='${arguments[0]}']`)?.dataset[arguments[1]] ?? null",
      testId,
      name,
    );
  }

  /** The titles of all tasks that are shown. */
  titles() {
    return this.run(
      "return [...document.querySelectorAll(\"[data-testid='task-item']\")].map((item) => item.textContent)",
    );
  }

  /** What Chromium's own console was told since the last look: what a page cannot hear of itself too. */
  async log() {
    return (await (await this.#here()).manage().logs().get("browser")).map(({ level, message }) => `${level.name} ${message}`);
  }

  status() {
    return this.data("connection-status", "state");
  }

  role() {
    return this.data("tab-role", "role");
  }

  tabs() {
    return this.data("tab-count", "tabs");
  }

  /** A number that the page shows. */
  async count(testId) {
    return Number((await this.text(testId))?.replaceAll(/\D/g, ""));
  }

  /** The way to the server that is in use: `ws`, `sse`, `poll`, or nothing. */
  transport() {
    return this.data("connection-transport", "transport");
  }

  async untilTransport(transport) {
    await eventually(`the way is ${transport}`, () => this.transport(), (seen) => seen === transport, WAYS_MS);
  }

  stillLoaded() {
    return this.run("return window.loadedOnce === true");
  }

  async untilStatus(status) {
    await eventually(`the status is ${status}`, () => this.status(), (seen) => seen === status);
  }

  async untilRole(role) {
    await eventually(`the role is ${role}`, () => this.role(), (seen) => seen === role);
  }

  async untilShown(title) {
    await eventually(
      `"${title}" is shown`,
      () => this.titles(),
      (titles) => titles.some((text) => text.includes(title)),
    );
  }

  type(testId, text) {
    return this.fill(`[data-testid='${testId}']`, text);
  }

  click(testId) {
    return this.press(`[data-testid='${testId}']`);
  }

  /** Types into what a selector finds. */
  async fill(selector, text) {
    const driver = await this.#here();
    await driver.findElement(By.css(selector)).sendKeys(text);
  }

  /** Clicks on what a selector finds. */
  async press(selector) {
    const driver = await this.#here();
    await driver.findElement(By.css(selector)).click();
  }

  /** Takes what a selector finds by its middle, and puts it down so far away, as a hand does. */
  async drag(selector, x, y) {
    const driver = await this.#here();
    const origin = await driver.findElement(By.css(selector));
    const steps = 4;
    const actions = driver.actions().move({ origin }).press();
    for (let step = 0; step < steps; step += 1) {
      actions.move({ origin: "pointer", x: Math.round(x / steps), y: Math.round(y / steps), duration: 30 });
    }
    await actions.release().perform();
  }

  /** A command of the DevTools protocol for this tab. Chromium alone has it. */
  async devtools(cmd, params = {}) {
    const driver = await this.#here();
    const id = (await driver.getSession()).getId();
    const answer = await fetch(`${need("EVERFRESH_WEBDRIVER")}/session/${id}/goog/cdp/execute`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cmd, params }),
    });
    return answer.json();
  }

  /** Goes somewhere else, and comes back as a user does. */
  async leaveAndComeBack(whatHappensMeanwhile) {
    const driver = await this.#here();
    await driver.get("about:blank");
    await whatHappensMeanwhile();
    await driver.navigate().back();
  }

  /** Goes to another page. */
  async go(url) {
    await (await this.#here()).get(url);
  }

  async reload() {
    const driver = await this.#here();
    await driver.navigate().refresh();
  }

  async close() {
    const driver = await this.#here();
    await driver.close();
    const [other] = await driver.getAllWindowHandles();
    if (other) await driver.switchTo().window(other);
  }
}
