// What `cargo xtask test --only e2e` tells these tests.

/** A variable that has to be set. */
export function need(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run these tests by \`cargo xtask test --only e2e\``);
  }
  return value;
}

export const engine = () => need("EVERFRESH_ENGINE");

/** For tests of what WebAssembly decides alone, over sockets and requests that other files try in every engine. */
export const onceIsEnough = () => ({ skip: engine() === "chromium" ? false : "the same in every engine; tried in Chromium" });

/** For tests of what only the DevTools protocol can force: crashes, freezes. */
export const devtoolsOnly = () => ({ skip: engine() === "chromium" ? false : "only Chromium can be told to" });

/** For tests that `what` tries in Chromium, and in more ways. */
export const notInChromium = (what) => ({ skip: engine() === "chromium" ? `tried by ${what}` : false });
