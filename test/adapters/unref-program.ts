// Opens a listener, a stream at each end and a link, lets go of them all, and must come to its end by itself.

import process from "node:process";
import type { Link } from "../../src/core/link/link.ts";

const isDenoAdapter = process.argv[2] === "deno";
const { network, dialer, listen } = isDenoAdapter
  ? await import("../../src/adapters/deno/index.ts").then((adapter) => ({
      network: adapter.denoNetwork,
      dialer: adapter.denoDialer,
      listen: adapter.denoLinkListener,
    }))
  : await import("../../src/adapters/node/index.ts").then((adapter) => ({
      network: adapter.nodeNetwork,
      dialer: adapter.nodeDialer,
      listen: adapter.nodeLinkListener,
    }));

const listener = await network.bind("127.0.0.1:0");
const [client, [server]] = await Promise.all([network.connect(listener.localAddr), listener.accept()]);
void client.readChunk();
void listener.accept();
const accepted: Link[] = [];
const links = await listen("127.0.0.1:0", (link) => accepted.push(link));
const link = await dialer(links.localAddr).dial({ signal: new AbortController().signal });
while (accepted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
links.close();
for (const each of [link, ...accepted]) {
  each.start({ message: () => {}, drained: () => {}, closed: () => {} });
  each.unref?.();
}
listener.unref();
client.unref();
server.unref();
console.log("let go");
