// RFC 6455, as the cases of the Autobahn test suite have it: what the server does with frames of every kind, well made or not.
// They want back what they send, which is what /demo/echo is for: the same sockets with the same bounds as /live.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";

import { everfresh, start } from "./support/servers.mjs";

const PROGRAM = join(import.meta.dirname, "../rfc6455/run.py");

/** What the largest case sends. */
const MOST = String(16 * 1024 * 1024);

/** Cases 12 and 13 ask for permessage-deflate, which this server does not offer. */
const COMPRESSION = /^1[23]\./;

async function cases(url, ...wanted) {
  const child = spawn(process.env.EVERFRESH_RFC6455, [PROGRAM, url, ...wanted], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 0);
  return JSON.parse(output);
}

describe("RFC 6455", { skip: process.env.EVERFRESH_RFC6455 === "none" && "there is no Python" }, () => {
  test("every case passes but those of compression", async (t) => {
    const server = await start(everfresh, { env: { EVERFRESH_FRAME_BYTES_MAX: MOST } });
    t.after(server.stop);
    const all = await cases(server.live.replace("/live", "/demo/echo"));
    assert.ok(all.length >= 517, `${all.length} cases were run`);
    const failed = all.filter((one) => !one.passed);
    assert.deepEqual(failed.filter((one) => !COMPRESSION.test(one.case)), []);
    assert.ok(failed.every((one) => one.behavior === "UNIMPLEMENTED"), "refused as an extension, not as a frame");
    const passed = all.length - failed.length;
    t.diagnostic(`${passed} passed, ${failed.length} of compression`);
    assert.ok(passed >= 301);
  });

  test("a frame above the bound ends the connection with 4413", async (t) => {
    const server = await start(everfresh);
    t.after(server.stop);
    const large = await cases(server.live.replace("/live", "/demo/echo"), "9.1.1", "9.1.2", "9.3.1", "9.5.1");
    assert.deepEqual(large.map((one) => [one.case, one.passed, one.code]), [
      ["9.1.1", true, 1000], ["9.1.2", false, 4413], ["9.3.1", false, 4413], ["9.5.1", false, 4413]]);
  });
});
