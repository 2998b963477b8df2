// The floor, with what a careful app writes by hand: the first event of a family at once, the others once in 100 ms.
const WINDOW_MS = 100;

export { connect } from "./raw.js";

export function invalidates(client) {
  const waiting = new Map();
  return ({ family }) => {
    const seen = waiting.get(family);
    if (seen !== undefined) return void waiting.set(family, true);
    const tell = () => void client.invalidateQueries({ queryKey: [family] });
    tell();
    waiting.set(family, false);
    setTimeout(function again() {
      const owed = waiting.get(family);
      waiting.delete(family);
      if (!owed) return;
      tell();
      waiting.set(family, false);
      setTimeout(again, WINDOW_MS);
    }, WINDOW_MS);
  };
}
