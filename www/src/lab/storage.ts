const PREFIX = "everfresh-demo:ballast:";

/** Characters of the first pieces; they get smaller as the room does. */
const PIECE = 512 * 1024;

/** Whether the storage of this origin is filled by us. */
export function isFilled(): boolean {
  return keys().length > 0;
}

/** Fills it until the browser refuses one character more. Returns how many it took. */
export function fill(): number {
  let filled = 0;
  let at = keys().length;
  for (let size = PIECE; size >= 1; ) {
    try {
      localStorage.setItem(`${PREFIX}${at}`, "x".repeat(size));
      filled += size;
      at += 1;
    } catch {
      size = Math.floor(size / 2);
    }
  }
  return filled;
}

export function empty(): void {
  for (const key of keys()) localStorage.removeItem(key);
}

function keys(): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
}
