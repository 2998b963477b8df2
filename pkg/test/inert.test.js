// Without a page the package does nothing: not when it is imported, not when it is called.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** Runs a module in a process of its own, which has to end by itself. */
function run(code) {
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: import.meta.dirname,
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.equal(result.signal, null, `it did not end by itself: ${result.stderr}`);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

const USE = `
  const { createEverfresh } = await import("everfresh");
  const options = { user: "u1", backend: { kind: "everfresh", url: "/live" }, channels: ["tasks"], events: { a: ["tasks"] } };
  const live = createEverfresh(options);
`;

test("importing and calling it starts nothing and leaves nothing", () => {
  run(`
    const globals = () => Object.getOwnPropertyNames(globalThis).sort().join();
    const before = globals();
    const watched = ["setTimeout", "setInterval", "queueMicrotask", "fetch"];
    const calls = [];
    for (const name of watched) {
      const original = globalThis[name];
      globalThis[name] = (...args) => {
        calls.push(name);
        return original(...args);
      };
    }
    for (const name of ["everfresh", "everfresh/tanstack", "everfresh/react"]) await import(name);
    ${USE}
    live.subscribe(() => {});
    live.channel("x");
    live.on("a", () => {});
    await live.ready;
    const { attach } = await import("everfresh/tanstack");
    const { QueryClient } = await import("@tanstack/query-core");
    attach(live, new QueryClient());
    // React's scheduler is not loaded by its hooks; whatever is left here is ours.
    if (calls.length > 0) throw new Error("called " + calls);
    if (globals() !== before) throw new Error("globals: " + globals());
    // Node closes the files of the imports in its own time.
    const open = () => process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS/.test(name));
    let left = open();
    for (let turn = 0; turn < 1000 && left.length > 0; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      left = open();
    }
    if (left.length > 0) throw new Error("left " + left);
  `);
});

test("its state is one constant, and its methods answer", () => {
  const output = run(`
    ${USE}
    const same = live.getSnapshot() === live.getServerSnapshot() && live.getSnapshot() === createEverfresh(options).getSnapshot();
    live.invalidate(["tasks"]);
    live.reconnect();
    live.close();
    live.close();
    if (Symbol.dispose) live[Symbol.dispose]();
    console.log(same, live.getSnapshot().status, Object.isFrozen(live.getSnapshot()));
  `);
  assert.equal(output, "true idle true\n");
});

test("users of one server process get instances of their own", () => {
  run(`
    ${USE}
    const other = createEverfresh({ ...options, user: "u2" });
    if (other === live) throw new Error("shared");
  `);
});

test("mistakes show on the server too", () => {
  run(`
    ${USE}
    const codes = [];
    for (const wrong of [() => createEverfresh({}), () => live.on("", () => {}), () => live.invalidate("tasks"), () => live.channel(5)]) {
      try { wrong(); } catch (error) { codes.push(error.code); }
    }
    if (codes.join() !== "option-missing,option-invalid,option-invalid,option-invalid") throw new Error(codes);
  `);
});
