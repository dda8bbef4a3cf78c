// What browser.test.ts runs in a tab: transfers both ways to an ExchangeServer through a tunnel, by the browser's own
// WebSocket, which the test's proxy kills, or this page by close().
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Tunnel } from "../../src/index.browser.ts";
import { blocks } from "./blocks.ts";

export interface PageOptions {
  readonly streams: number;
  /** Each way, over all streams. */
  readonly bytes: number;
  /** Milliseconds between two calls of the WebSocket's close(); 0: the page closes none. */
  readonly closeEvery: number;
}

export interface PageOutcome {
  readonly moved: readonly { readonly id: number; readonly sent: string; readonly taken: string }[];
  readonly resumed: number;
}

async function moveAll(addr: string, { streams, bytes, closeEvery }: PageOptions): Promise<PageOutcome> {
  const tunnel = await Tunnel.open(`ws://${location.host}/`);
  let resumed = 0;
  tunnel.addEventListener("resumed", () => void resumed++);
  const timer = closeEvery === 0 ? null : setInterval(() => tunnel.cutLink(), closeEvery);
  const each = Math.ceil(bytes / streams);
  const moved = await Promise.all(
    Array.from({ length: streams }, (_, index) => move(tunnel, addr, index, each)),
  );
  if (timer !== null) clearInterval(timer);
  await tunnel.close();
  return { moved, resumed };
}

async function move(
  tunnel: Tunnel,
  addr: string,
  id: number,
  count: number,
): Promise<PageOutcome["moved"][number]> {
  const stream = await tunnel.connect(addr);
  const head = new DataView(new ArrayBuffer(12));
  head.setUint32(0, id);
  head.setFloat64(4, count);
  await stream.writeAll(new Uint8Array(head.buffer));
  const sending = (async () => {
    const sent = sha256.create();
    for (const block of blocks(id, count)) {
      sent.update(block);
      await stream.writeAll(block);
    }
    await stream.closeWrite();
    return bytesToHex(sent.digest());
  })();
  const taken = sha256.create();
  for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk())
    taken.update(chunk);
  const sent = await sending;
  await stream.close();
  return { id, sent, taken: bytesToHex(taken.digest()) };
}

export interface FaultPage {
  moveAll(addr: string, options: PageOptions): Promise<PageOutcome>;
}

(globalThis as { faultPage?: FaultPage }).faultPage = { moveAll };
