// A tab in a frame: one that queues mutations without a network, or one that finds them in the storage.
import { createEverfresh } from "./everfresh/index.js";
import { addTask, sleep } from "./server.js";

const settings = new URLSearchParams(location.search);
if (settings.has("offline")) Object.defineProperty(navigator, "onLine", { get: () => false });

const live = createEverfresh({
  name: "queue",
  user: settings.get("user"),
  backend: { kind: "everfresh", url: "/live" },
  mutations: {
    add: {
      run: async ({ title, ms }, { headers }) => {
        parent.executed(title);
        // The first takes the longest: whoever starts all at once ends in another order.
        await sleep(ms);
        return addTask(title, headers);
      },
    },
  },
});
window.live = live;

/** Queues mutations, until they are stored. */
window.queue = async (mutations) => {
  for (const vars of mutations) {
    const mutating = live.mutate("add", vars);
    // This tab is closed before it is through.
    mutating.catch(() => {});
    await mutating.accepted;
  }
};
