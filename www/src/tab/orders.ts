import { live, switchTo } from "../live";
import { PEOPLE } from "../people/people";
import type { Order } from "../report";
import { useView } from "./view";

/** Does what the stage asks for: only the page around this one may ask, and only if it is of this origin. */
export function obey(): void {
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.parent || origin !== location.origin) return;
    const order = data as Order;
    switch (order?.order) {
      case "login": {
        const person = PEOPLE.find(({ id }) => id === order.user);
        if (person !== undefined) switchTo(person);
        break;
      }
      case "scene":
        useView.setState({ scene: order.scene, panel: null });
        break;
      case "clock":
        jump(order.by);
        break;
      case "reconnect":
        live.reconnect();
        break;
    }
  });
}

const trueNow = Date.now.bind(Date);

/**
 * Sets the clock by which this tab tells the time of day, as it would be had its user set it. The clock that only
 * runs on (`performance.now`) stays, as it does when a clock is set.
 */
function jump(by: number): void {
  Date.now = by === 0 ? trueNow : () => trueNow() + by;
}
