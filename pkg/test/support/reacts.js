// The hooks with the real react-dom of a version, in a document that is enough for it.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Window } from "happy-dom";
import "./page.js";

const root = join(import.meta.dirname, "../../..");
const dom = new Window({ url: "https://app.test/" });
Object.assign(globalThis, { HTMLIFrameElement: dom.HTMLIFrameElement, IS_REACT_ACT_ENVIRONMENT: true });

/** React, its renderers, and `everfresh/react` bound to it. */
export async function load(version) {
  const away = version !== 19;
  const require = createRequire(join(root, away ? `tests/react${version}` : "pkg", "package.json"));
  let dist = join(root, "pkg/dist");
  if (away) {
    // A module finds its React from where it lies, so a copy lies beside the other one.
    const copy = mkdtempSync(join(root, `tests/react${version}/.everfresh-`));
    process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
    cpSync(dist, copy, { recursive: true, filter: (name) => !/\/wasm$|\.map$/.test(name) });
    dist = copy;
  }
  const React = require("react");
  const client = require("react-dom/client");
  const { renderToString } = require("react-dom/server");
  const hooks = await import(pathToFileURL(join(dist, "react.js")).href);
  const roots = new Set();
  const errors = [];
  return {
    React,
    hooks,
    errors,
    act: React.act,
    h: React.createElement,
    renderToString,
    /** Shows a tree in a container of its own; with `html` it hydrates that. */
    async show(tree, html) {
      const container = dom.document.createElement("div");
      const options = { onRecoverableError: (error) => errors.push(error) };
      let shown;
      await React.act(async () => {
        if (html === undefined) {
          shown = client.createRoot(container, options);
          shown.render(tree);
        } else {
          container.innerHTML = html;
          shown = client.hydrateRoot(container, tree, options);
        }
      });
      roots.add(shown);
      return {
        container,
        text: () => container.textContent,
        render: (next) => React.act(async () => shown.render(next)),
        hide: () => React.act(async () => (roots.delete(shown), shown.unmount())),
      };
    },
    async end() {
      for (const one of roots) await React.act(async () => one.unmount());
      roots.clear();
      errors.length = 0;
    },
  };
}
