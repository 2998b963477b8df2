import { Centrifuge } from "centrifuge";

export function connect(origin, hear) {
  const client = new Centrifuge(`${origin.replace("http", "ws")}/centrifugo`, { minReconnectDelay: 50, maxReconnectDelay: 1000 });
  const subscription = client.newSubscription("changes", { minResubscribeDelay: 50, maxResubscribeDelay: 1000 });
  subscription.on("publication", ({ data }) => hear(data));
  return new Promise((resolve) => {
    subscription.on("subscribed", resolve);
    subscription.subscribe();
    client.connect();
  });
}
