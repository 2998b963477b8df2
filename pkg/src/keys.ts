import type { Family, QueryKey } from "./types.js";

/** A family as the key prefix it stands for. */
export function toKey(family: Family): QueryKey {
  return typeof family === "string" ? [family] : family;
}

/**
 * Where a value stops being plain JSON, or `undefined` when it is JSON all through. Keys, variables and
 * answers cross to wasm and to other tabs as JSON: a `Date` or a `Map` in one would arrive as something
 * else and never match again.
 */
export function notJson(value: unknown, path: string, depth = 0): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path;
  // What the engine reads is no deeper; and an end to what contains itself.
  if (typeof value !== "object" || depth > 60) return path;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = notJson(item, `${path}[${index}]`, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  // A plain object has nothing above its prototype. That of another frame is another one, so it is not compared.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return path;
  for (const [name, item] of Object.entries(value)) {
    // TanStack Query leaves undefined properties out of a key's hash, and so does JSON.
    if (item === undefined) continue;
    const found = notJson(item, `${path}.${name}`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A key as one text, whatever the order of its members: as the engine writes it. */
export function canonical(key: QueryKey): string {
  return JSON.stringify(key, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

/** Whether `key` lies in the family of `prefix`, by the rules of TanStack Query's partial matching. */
export function inFamily(key: unknown, prefix: unknown): boolean {
  if (key === prefix) return true;
  if (typeof key !== "object" || typeof prefix !== "object" || key === null || prefix === null) return false;
  if (Array.isArray(key) && Array.isArray(prefix)) {
    return prefix.length <= key.length && prefix.every((item, index) => inFamily(key[index], item));
  }
  const properties = key as Record<string, unknown>;
  return Object.entries(prefix).every(([name, item]) => inFamily(properties[name], item));
}
