// What is measured of a queue of mutations inside of a page, of whichever contestant it is bundled with.
import * as contestant from "contestant";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const LANES = 10;

/** What the app's function does: one request, which says by its key which mutation it is. */
async function send({ n, lane, key }, signal) {
  const response = await fetch("/queue", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ n, lane, key }),
    signal,
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
}

/** Begins, with what a page before has left. */
export const open = () => contestant.open(send);

/** So many mutations, one after the other in their lanes; how many microseconds each took until it was stored. */
export async function enqueue(count) {
  const items = Array.from({ length: count }, (_, n) => ({ n, lane: n % LANES, key: crypto.randomUUID() }));
  const began = performance.now();
  await contestant.enqueue(items);
  return ((performance.now() - began) * 1000) / count;
}

/** What it takes of the storage, in characters. */
export function stored() {
  let sum = 0;
  for (let at = 0; at < localStorage.length; at += 1) sum += localStorage.key(at).length + localStorage.getItem(localStorage.key(at)).length;
  return sum;
}

/** The browser says that there is no network, which contestants wait for. */
export async function offline() {
  while (navigator.onLine) await sleep(10);
}
