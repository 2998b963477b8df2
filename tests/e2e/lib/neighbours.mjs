// The servers beside the demo's own, as `cargo xtask demo` starts them.

import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

import { need } from "./environment.mjs";
import { Program } from "./program.mjs";
import { Server } from "./server.mjs";

const path = (file) => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The demo's server, with the others beside it; `stop` ends all. */
export class Together extends Server {
  #others = [];

  static async start(www) {
    const programs = {
      node: [process.execPath, path("examples/socketio/server.mjs")],
      feed: [process.execPath, path("examples/stand-ins/phoenix.mjs")],
      centrifugo: [process.execPath, path("examples/stand-ins/centrifugo.mjs")],
    };
    const python = need("EVERFRESH_SOCKETIO_PYTHON");
    if (python !== "none") programs.python = [python, path("examples/socketio/server.py")];
    const ports = {};
    for (const name of Object.keys(programs)) ports[name] = await freePort();
    const flags = Object.entries(ports).flatMap(([name, port]) => ["--beside", `${name}=http://127.0.0.1:${port}`]);
    const server = await super.start(flags, www);
    for (const [name, [program, file]] of Object.entries(programs)) {
      const other = new Program();
      await other.prepare();
      const PORT = `${ports[name]}`;
      const wanted = JSON.stringify({ port: ports[name], www: "", data: "", source: server.url });
      await other.launch(program, [file, wanted], { PORT, SOURCE: server.url });
      server.#others.push(other);
    }
    return server;
  }

  async stop() {
    for (const other of this.#others) await other.stop();
    await super.stop();
  }
}
