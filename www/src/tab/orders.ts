import { live, switchTo } from "../live";
import { PEOPLE } from "../people/people";
import type { Order } from "../report";
import { onOrder } from "./around";
import { standStill } from "./still";
import { useView } from "./view";

/** Does what the stage asks for. */
export function obey(): void {
  onOrder((order: Order) => {
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
      case "reload":
        reload();
        break;
      case "still":
        standStill(order.for);
        break;
      case "close":
        window.close();
        break;
    }
  });
}

/** Loads the page anew, with what it shows. */
function reload(): void {
  const address = new URL(location.href);
  address.searchParams.set("scene", useView.getState().scene);
  location.replace(address);
}

const trueNow = Date.now.bind(Date);

/**
 * Sets the clock by which this tab tells the time of day, as it would be had its user set it. The clock that only
 * runs on (`performance.now`) stays, as it does when a clock is set.
 */
function jump(by: number): void {
  Date.now = by === 0 ? trueNow : () => trueNow() + by;
}
