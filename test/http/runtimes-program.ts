// What runtimes.test.ts runs in Node, Deno and Bun: server and client over the runtime's own sockets and its own
// Request and Response. Prints what it saw as one line of JSON.
import type { Network } from "../../src/core/net/index.ts";
import { fetchOver, fileResponse, httpResponse, serve } from "../../src/http/index.ts";

const network: Network =
  "Deno" in globalThis
    ? (await import("../../src/adapters/deno/index.ts")).denoNetwork
    : (await import("../../src/adapters/node/index.ts")).nodeNetwork;

const server = serve(await network.bind("127.0.0.1:0"), async (request) => {
  switch (new URL(request.url).pathname) {
    case "/echo":
      return new Response(request.body);
    case "/file":
      return fileResponse(request, new File(["0123456789"], "digits.txt"));
    case "/cookie":
      return httpResponse(`${request.headers.get("cookie")} ${request.headers.get("host")}`, {
        headers: [
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
        ],
      });
    case "/clone": {
      const copy = request.clone();
      return Response.json([await copy.text(), await request.text(), copy.headers.get("cookie")]);
    }
    case "/copy": {
      const copy = new Request("http://elsewhere/", request);
      return Response.json([await copy.text(), copy.headers.get("x-a"), request instanceof Request]);
    }
    default:
      return { status: 404, body: "nothing here" };
  }
});

const fetchHere = fetchOver(network);
const seen: Record<string, unknown> = {};

async function ask(path: string, init?: Parameters<typeof fetchHere>[1]): Promise<void> {
  const response = await fetchHere(`${server.url}${path}`, init);
  const { status, headers } = response;
  seen[path] = [
    status,
    (await response.text()).slice(0, 40),
    headers.getSetCookie(),
    headers.get("content-length"),
  ];
}

await ask("echo", { method: "POST", body: new Blob(["x".repeat(1_000_000)]).stream() });
await ask("file", { headers: { Range: "bytes=2-4" } });
await ask("cookie", { headers: { Cookie: "q=r", Host: "other.example" } });
await ask("clone", { method: "POST", body: "body", headers: { Cookie: "q=r" } });
await ask("copy", { method: "POST", body: "body", headers: { "X-A": "b" } });
await ask("nowhere");
seen["native"] = await (
  await fetch(`${server.url}echo`, { method: "POST", body: "by the runtime's fetch" })
).text();

await fetchHere.close();
await server.close();
console.log(JSON.stringify(seen));
