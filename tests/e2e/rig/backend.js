// The package in a page of an app with one backend, which is whichever the address names. `window.rig` is what the tests
// drive.
import { createEverfresh } from "./everfresh/index.js";
import { room } from "./everfresh/room.js";
import { attach } from "./everfresh/tanstack.js";
import { QueryClient, QueryObserver } from "./query-core/index.js";

const settings = new URLSearchParams(location.search);
let token = settings.get("token");
/** The token of every channel, where the server wants one, and who asked for one why. */
let channelToken = settings.get("channelToken");
const askedForChannels = [];
const layers = JSON.parse(settings.get("layers") ?? "null");

const live = createEverfresh({
  // Two people in one browser are two instances.
  name: settings.get("name") ?? undefined,
  user: settings.get("user"),
  backend: {
    ...JSON.parse(settings.get("backend")),
    ...(channelToken !== null && {
      getChannelToken({ channel, reason }) {
        askedForChannels.push([channel, reason]);
        return channelToken;
      },
    }),
  },
  channels: settings.getAll("channel"),
  layers: layers ?? undefined,
  rooms: settings.has("rooms"),
  channelIdle: settings.has("idle") ? Number(settings.get("idle")) : undefined,
  getToken: token === null ? undefined : () => token,
  contracts: JSON.parse(settings.get("contracts") ?? "{}"),
  // Of all the servers that there are.
  events: {
    task_created: ["tasks"],
    picture: ["tasks"],
    blob: ["tasks"],
    elsewhere: ["counts"],
    "postgres:*:public.tasks": [["tasks"]],
    // Two servers that tell of one change say which it is.
    ...(layers && {
      task_created: { keys: ["tasks"], change: "$.id" },
      "postgres:*:public.tasks": { keys: ["tasks"], as: "task_created", change: "$.record.id" },
    }),
  },
});

const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retryDelay: 500 } } });
client.mount();
attach(live, client);
/** How often each thing was fetched. */
const fetched = { tasks: 0, counts: 0 };
for (const name of Object.keys(fetched)) {
  const queryFn = async ({ signal }) => {
    fetched[name] += 1;
    const response = await fetch(`/api/${name}`, { cache: "no-store", signal });
    if (!response.ok) throw response;
    return response.json();
  };
  new QueryObserver(client, { queryKey: [name], queryFn }).subscribe(() => {});
}

/** Events, in the order in which they came. */
const heard = [];
for (const name of [
  ...["authenticated", "task_created", "picture", "blob", "elsewhere"],
  ...["INSERT", "UPDATE", "DELETE"].map((type) => `postgres:${type}:public.tasks`),
]) {
  live.on(name, (data, { channel }) => heard.push([name, channel, data]));
}
const faults = [];
live.onFault(({ code, message }) => faults.push(`${code}: ${message}`));

window.rig = {
  live,
  fetched,
  heard,
  faults,
  askedForChannels,
  /** Who is on a channel, for as long as somebody looks: what each shows of itself, by name. */
  look(channel) {
    const here = room(live, channel);
    here.subscribe(() => {});
    return (window.rig.room = here);
  },
  people: () =>
    window.rig.room
      .getSnapshot()
      .people.map(({ user, self, tabs }) => [user, self, tabs.map(({ meta }) => meta)])
      .sort(),
  /** Titles that are on the screen. */
  shown: () => (client.getQueryData(["tasks"]) ?? []).map((task) => task.title),
  fetching: () => client.isFetching() > 0,
  takeForChannels: (better) => void (channelToken = better),
  logIn(better) {
    token = better;
    live.setToken(better);
  },
};
