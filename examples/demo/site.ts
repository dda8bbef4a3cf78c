// Answers the browser: the built page, and demo.json with what it can dial. Everything else on this port is the relay.

import type { RequestListener } from "node:http";
import { extname } from "node:path";
import type { PageFiles } from "./build-page.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

export function serveSite(files: PageFiles, facts: object): RequestListener {
  return (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    const file = files.get(path === "/" ? "index.html" : path.slice(1));
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/demo.json") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(facts));
    } else if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("There is nothing here\n");
    } else {
      response.writeHead(200, {
        "content-type": TYPES[extname(path === "/" ? "index.html" : path)] ?? "application/octet-stream",
        "content-length": file.length,
        "cache-control": "no-cache",
      });
      response.end(file);
    }
  };
}
