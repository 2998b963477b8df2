import { device, seatOnStage } from "../device";
import { ALL_WINDOWS, channelOfStage } from "../report";
import type { Order, OverChannel, Told } from "../report";

/** A tab in a frame talks with the page around it; one in a window of its own has no page around it, but a channel. */
const channel = seatOnStage === undefined ? undefined : new BroadcastChannel(channelOfStage(seatOnStage.stage));

/** Tells the stage, and nobody else. */
export function tell(told: Told): void {
  if (channel === undefined || seatOnStage === undefined) window.parent.postMessage(told, location.origin);
  else channel.postMessage({ from: seatOnStage.key, device: device ?? "", told } satisfies OverChannel);
}

/** Does what the stage asks for: only it may ask, and only if it is of this origin. */
export function onOrder(obey: (order: Order) => void): void {
  if (channel !== undefined) {
    channel.addEventListener("message", ({ data }: MessageEvent<OverChannel>) => {
      if ("to" in data && (data.to === seatOnStage?.key || data.to === ALL_WINDOWS)) obey(data.order);
    });
    return;
  }
  addEventListener("message", ({ source, origin, data }) => {
    if (source === window.parent && origin === location.origin) obey(data as Order);
  });
}
