// The floor: a key of its own for each, and requests in the order of each lane.
const PREFIX = "queue:";

let send;

export async function open(sends) {
  send = sends;
  const lanes = new Map();
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).sort();
  for (const key of keys) {
    const item = JSON.parse(localStorage.getItem(key));
    lanes.set(item.lane, [...(lanes.get(item.lane) ?? []), item]);
  }
  for (const items of lanes.values()) void drain(items);
}

async function drain(items) {
  for (const item of items) {
    while (!(await send(item).then(() => true, () => false))) await new Promise((resolve) => setTimeout(resolve, 500));
    localStorage.removeItem(keyOf(item));
  }
}

const keyOf = ({ n }) => `${PREFIX}${String(n).padStart(8, "0")}`;

export async function enqueue(items) {
  for (const item of items) localStorage.setItem(keyOf(item), JSON.stringify(item));
}
