// What browser.test.ts runs in a tab: server and client both, over a network in memory.
import { fetchOver, fileResponse, httpResponse, serve } from "../../src/http/index.ts";
import { MemoryNetwork } from "../core/net/memory-network.ts";
import type { Libraries } from "../runtimes/index.ts";

/** Put there by the bundle. */
declare const Hono: Libraries["hono"]["Hono"];

export interface Seen {
  /** What the browser's own classes keep: the gap that docs/http.md tells of. */
  readonly native: { readonly cookie: string | null; readonly setCookie: string | null };
  readonly request: Record<string, string>;
  readonly visits: string[];
  readonly setCookies: Record<string, string[]>;
  readonly echoed: number;
  readonly part: [number, string, string | null];
  readonly hono: [number, string, string];
  readonly url: string;
}

async function run(): Promise<Seen> {
  const network = new MemoryNetwork();
  const fetch = fetchOver(network);
  const file = new File(["0123456789"], "digits.txt", { type: "text/plain", lastModified: 0 });
  serve(await network.bind("127.0.0.1:80"), (request) => {
    switch (new URL(request.url).pathname) {
      case "/headers":
        return Response.json(Object.fromEntries(request.headers));
      case "/visit": {
        const visits = Number(/visits=(\d+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? 0) + 1;
        return { headers: [["Set-Cookie", `visits=${visits}`]], body: String(visits) };
      }
      case "/like":
        return { headers: { "Set-Cookie": ["a=1", "b=2"] } };
      case "/own":
        return httpResponse("x", { headers: [["Set-Cookie", "c=3"]] });
      case "/native":
        return new Response("x", { headers: { "Set-Cookie": "lost=1" } });
      case "/file":
        return fileResponse(request, file);
      default:
        return new Response(request.body);
    }
  });
  const app = new Hono();
  app.post("/hello/:name", async (c) =>
    c.text(`${c.req.param("name")} ${c.req.header("cookie")} ${await c.req.text()}`),
  );
  serve(await network.bind("127.0.0.1:81"), app.fetch);

  const origin = "http://127.0.0.1";
  const headers = {
    Cookie: "a=b",
    Host: "tab.example",
    Origin: "http://o.example",
    Referer: "http://r.example/",
  };
  const response = await fetch(`${origin}/headers`, { headers });
  const visits: string[] = [];
  for (let cookie = ""; visits.length < 3; ) {
    const visit = await fetch(`${origin}/visit`, { headers: { Cookie: cookie } });
    visits.push(await visit.text());
    cookie = visit.headers.getSetCookie()[0] ?? "";
  }
  const setCookies: Record<string, string[]> = {};
  for (const path of ["like", "own", "native"]) {
    setCookies[path] = (await fetch(`${origin}/${path}`)).headers.getSetCookie();
  }
  const body = new Blob([new Uint8Array(3_000_000)]).stream();
  const echoed = await (await fetch(`${origin}/echo`, { method: "POST", body })).arrayBuffer();
  const part = await fetch(`${origin}/file`, { headers: { Range: "bytes=-3" } });
  const hono = await fetch(`${origin}:81/hello/tab`, {
    method: "POST",
    body: "body",
    headers: { Cookie: "q=r" },
  });
  return {
    native: {
      cookie: new Request("http://a/", { headers: { Cookie: "a=b" } }).headers.get("cookie"),
      setCookie: new Response(null, { headers: { "Set-Cookie": "a=b" } }).headers.get("set-cookie"),
    },
    request: (await response.json()) as Record<string, string>,
    visits,
    setCookies,
    echoed: echoed.byteLength,
    part: [part.status, await part.text(), part.headers.get("content-range")],
    hono: [hono.status, await hono.text(), hono.headers.get("content-length") ?? ""],
    url: response.url,
  };
}

(globalThis as { run?: typeof run }).run = run;
