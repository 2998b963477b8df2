// What a server of an app has beside its realtime protocol where there is no other server behind it, as in the tests: tasks in a
// file, pages, and doors for whoever tries it out.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { json } from "node:stream/consumers";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/**
 * @param www the folder with the pages
 * @param data the file with the tasks
 * @param told is called with each task that is added, unless nobody is to hear of it
 * @param doors functions by their path, for `POST`; each gets what was sent, and what it gives is the answer
 * @param stats gives what `/demo/stats` answers
 * @param takes answers a request of the realtime protocol; false if it is none
 */
export function app({ www, data, told, doors, stats, takes = () => false }) {
  const tasks = existsSync(data) ? JSON.parse(readFileSync(data, "utf8")) : [];
  const add = ({ title, silent }) => {
    const task = { id: tasks.length, title };
    tasks.push(task);
    writeFileSync(data, JSON.stringify(tasks));
    if (!silent) told(task);
    return {};
  };
  return createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://here");
    if (takes(request, response)) return;
    const answer = (value) => {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(value));
    };
    if (request.method === "POST") {
      const door = pathname === "/api/tasks" ? add : doors[pathname];
      if (door !== undefined) return answer((await door(await json(request))) ?? {});
    }
    if (pathname === "/api/tasks") return answer(tasks);
    if (pathname === "/api/counts") return answer({ tasks: tasks.length });
    if (pathname === "/demo/stats") return answer(stats());
    const file = join(www, normalize(pathname === "/" ? "/index.html" : pathname));
    const body = await readFile(file).catch(() => undefined);
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" }).end(body);
  });
}
