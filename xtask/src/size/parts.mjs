// Whose code a WebAssembly module is made of, by the names of its functions. A function that was
// generated for a type of ours (`Vec<queue::Slot>::push`) belongs to the part with the type.

/** Reads the sections and the functions of a module that still has its names. */
function read(bytes) {
  let at = 0;
  const byte = () => bytes[at++];
  const number = () => {
    for (let value = 0, shift = 1; ; shift *= 128) {
      const next = byte();
      value += (next & 127) * shift;
      if (next < 128) return value;
    }
  };
  const text = () => {
    const length = number();
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const limits = () => {
    const flags = byte();
    number();
    if (flags & 1) number();
  };
  const skipImport = {
    0: number,
    1: () => (byte(), limits()),
    2: limits,
    3: () => (at += 2),
  };

  const names = new Map();
  const bodies = [];
  const others = [];
  let imported = 0;
  at = 8;
  while (at < bytes.length) {
    const id = byte();
    const length = number();
    const start = at;
    const end = start + length;
    if (id === 0 && text() === "name") {
      while (at < end) {
        const kind = byte();
        const next = number() + at;
        if (kind === 1) for (let left = number(); left > 0; left--) names.set(number(), text());
        at = next;
      }
    } else if (id === 10) {
      for (let left = number(); left > 0; left--) {
        const size = number();
        bodies.push(bytes.subarray(at, at + size));
        at += size;
      }
    } else if (id !== 0) {
      others.push({ data: id === 11, bytes: bytes.subarray(start, end) });
      if (id === 2) {
        for (let left = number(); left > 0; left--) {
          text();
          text();
          const kind = byte();
          skipImport[kind]();
          if (kind === 0) imported++;
        }
      }
    }
    at = end;
  }
  const functions = bodies.map((body, index) => ({ name: names.get(imported + index) ?? "", body }));
  return { functions, others };
}

/** The part that a function belongs to. */
export function partOf(symbol) {
  const name = symbol.replace(/\[[0-9a-f]+\]/g, "");
  const ours = /\beverfresh::(engine|wire|browser|api)\b(?:::([a-z0-9_]+)\b(?!::<))?/.exec(name);
  if (ours) {
    const [, floor, part] = ours;
    return floor === "engine" || floor === "wire" ? `${floor}/${part ?? "mod"}` : floor;
  }
  if (/^core_|^__wbg_core_/.test(name)) return "api";
  if (/dlmalloc|__rust_|__rdl_|__rg_/.test(name)) return "allocator";
  if (/wasm_bindgen|wbindgen|js_sys|web_sys|gloo|externref/.test(name)) return "web bindings";
  return "core, alloc, std";
}

/** The bytes of each part of a module. */
export function parts(module) {
  const { functions, others } = read(module);
  const found = new Map();
  const add = (part, bytes) => found.set(part, [...(found.get(part) ?? []), bytes]);
  for (const { name, body } of functions) add(partOf(name), body);
  for (const { data, bytes } of others) add(data ? "data (texts, tables)" : "types, imports, exports", bytes);
  return new Map([...found].map(([part, pieces]) => [part, Buffer.concat(pieces)]));
}
