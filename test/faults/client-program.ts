// A client of another runtime for runtimes.test.ts: opens a tunnel over the carrier that it is told, moves bytes both
// ways, and prints what it wrote and read. The parent kills the links meanwhile, and compares.
import process from "node:process";
import { nodeDialer } from "../../src/adapters/node/index.ts";
import { webSocketDialer } from "../../src/adapters/websocket/index.ts";
import type { LinkDialer } from "../../src/core/link/index.ts";
import { setTunnelDialer } from "../../src/tunnel/default-dialer.ts";
import { Tunnel } from "../../src/tunnel/index.ts";
import { move } from "./exchange.ts";

const [carrier = "", place = "", addr = "", bytes = ""] = process.argv.slice(2);
setTunnelDialer((urls) => webSocketDialer(urls));
let outages = 0;
const tunnel = await Tunnel.open(await targetOf());
tunnel.addEventListener("resumed", () => void outages++);
const moved = await move(tunnel, addr, { streams: 5, bytes: Number(bytes) });
console.log(JSON.stringify({ outages, moved }));
await tunnel.close();
process.exit(0);

async function targetOf(): Promise<string | LinkDialer> {
  if (carrier === "websocket") return place;
  if (carrier === "node") return nodeDialer(place);
  return (await import("../../src/adapters/deno/index.ts")).denoDialer(place);
}
