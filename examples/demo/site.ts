// Answers the browser: the built page, and demo.json with what it can dial. Everything else on this port is the relay.

import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

/** Serves `folder` by the list of its files, so that no path can lead out of it. */
export async function serveSite(folder: string, facts: object): Promise<RequestListener> {
  const files = new Set(
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return (request, response) => void answer(request, response);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/demo.json") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(facts));
    } else {
      const file = join(folder, path === "/" ? "index.html" : path);
      if (!files.has(file)) {
        response
          .writeHead(404, { "content-type": "text/plain; charset=utf-8" })
          .end("There is nothing here\n");
        return;
      }
      response.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "content-length": (await stat(file)).size,
        "cache-control": "no-cache",
      });
      if (request.method === "HEAD") response.end();
      else createReadStream(file).pipe(response);
    }
  }
}
