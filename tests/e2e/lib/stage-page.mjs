// The page on which several devices stand side by side, each with its tabs in frames.

import { eventually } from "./browser.mjs";

const FRAMES = `const frames = (device) => [...document.querySelectorAll(\`[data-device='\${device}'] iframe\`)].map((frame) => frame.contentDocument);`;

export class StagePage {
  tab;

  static async open(browser, url) {
    const page = new StagePage();
    page.tab = await browser.open(`${url}/stage`);
    return page;
  }

  run(script, ...args) {
    return this.tab.run(script, ...args);
  }

  /** Presses a button of the page itself, by its test id. */
  press(testId, within = "") {
    return this.run("document.querySelector(`${arguments[1]} [data-testid='${arguments[0]}']`).click()", testId, within);
  }

  /** Presses a button of one tab of a device: the first one of that name, or a later one. */
  pressIn(device, index, testId, nth = 0) {
    return this.run(
      `${FRAMES} frames(arguments[0])[arguments[1]].querySelectorAll(\`[data-testid='\${arguments[2]}']\`)[arguments[3]].click()`,
      device,
      index,
      testId,
      nth,
    );
  }

  /** Presses keys on what a selector finds in one tab of a device. */
  keysIn(device, index, selector, keys) {
    return this.run(
      `${FRAMES} const found = frames(arguments[0])[arguments[1]].querySelector(arguments[2]); found.focus();
      const pressed = arguments[3];
      const next = (at) => at < pressed.length && (found.dispatchEvent(new KeyboardEvent("keydown", { key: pressed[at], bubbles: true })), setTimeout(() => next(at + 1), 20));
      next(0);`,
      device,
      index,
      selector,
      keys,
    );
  }

  /** What the elements with a test id have under a name of their data, in one tab of a device. */
  dataIn(device, index, testId, name) {
    return this.run(
      `${FRAMES} return [...frames(arguments[0])[arguments[1]].querySelectorAll(\`[data-testid='\${arguments[2]}']\`)].map((found) => found.dataset[arguments[3]])`,
      device,
      index,
      testId,
      name,
    );
  }

  /** One tab shows another scene: the page tells it so, as it tells all when a scene is chosen. */
  sceneOn(device, index, scene) {
    return this.run(
      `${FRAMES} frames(arguments[0])[arguments[1]].defaultView.postMessage({ order: "scene", scene: arguments[2] }, location.origin)`,
      device,
      index,
      scene,
    );
  }

  /** Goes one day back in the calendar of one tab of a device; true once it shows the first. */
  turnBackIn(device, index) {
    return this.run(
      `${FRAMES} const page = frames(arguments[0])[arguments[1]];
      const back = page.querySelector("[data-testid='earlier-days']");
      back?.click();
      // Where there is room for the week there is nothing to turn.
      return page.querySelector("[data-testid='calendar']") !== null && (back === null || back.disabled)`,
      device,
      index,
    );
  }

  /** The text of something in one tab of a device; `null` where it is not there. */
  textIn(device, index, testId) {
    return this.run(
      `${FRAMES} return frames(arguments[0])[arguments[1]]?.querySelector(\`[data-testid='\${arguments[2]}']\`)?.textContent ?? null`,
      device,
      index,
      testId,
    );
  }

  /** What the devices are: the parts their tabs play, and who is there. */
  devices() {
    return this.run(`return [...document.querySelectorAll("[data-testid='device']")].map((device) => ({
      id: device.dataset.device,
      user: device.dataset.user,
      link: device.querySelector("[data-testid='device-link']").textContent,
      live: device.querySelector("[data-testid='device-link']").dataset.live === "true",
      roles: [...device.querySelectorAll("[data-testid='stage-tab']")].map((tab) => tab.dataset.role),
      crowns: device.querySelectorAll(".icon-crown").length,
    }))`);
  }

  async device(id) {
    return (await this.devices()).find((device) => device.id === id);
  }

  untilDevice(id, what, holds, patienceMs) {
    return eventually(`${id}: ${what}`, () => this.device(id), (device) => device !== undefined && holds(device), patienceMs);
  }

  /** Waits until so many tabs show what the server has. */
  async untilEqual(tabs) {
    await eventually(`${tabs} tabs are equal`, () => this.agreement(), ({ state, of }) => state === "equal" && of === tabs);
  }

  /** How many of the tabs show what the server has, as the page says it. */
  async agreement() {
    const dataset = await this.run("return { ...document.querySelector(\"[data-testid='agreement']\")?.dataset }");
    return { state: dataset.state, agree: Number(dataset.agree), of: Number(dataset.of) };
  }

  value(testId) {
    return this.run("return document.querySelector(`[data-testid='${arguments[0]}']`).dataset.value", testId).then(Number);
  }
}
