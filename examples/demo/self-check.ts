// Uses the relay as anybody would, and measures: bytes down and up through the gateway with their SHA-256, the same while
// the WebSocket is cut again and again, a stream from tunnel to tunnel, and a listener reached by plain TCP.

import { createHash } from "node:crypto";
import { get } from "node:http";
import { type TcpStream, Tunnel } from "fourtuple";
import { serve } from "fourtuple/http";
import { blocks, type Neighbours } from "./neighbours.ts";

export interface Check {
  readonly name: string;
  /** Bytes that pass; 0 for a check that only answers. */
  readonly bytes: number;
  run(progress: (bytes: number) => void): Promise<string>;
}

const BULK = 64 << 20;
const PEER = 16 << 20;
const CUTS = 8;

/** The checks, and the end of the tunnels that they use. */
export async function prepareChecks(
  url: string,
  neighbours: Neighbours,
): Promise<{ readonly checks: readonly Check[]; close(): Promise<void> }> {
  const alice = await Tunnel.open(url, { name: "self-check-a" });
  const bob = await Tunnel.open(url, { name: "self-check-b" });
  const checks: Check[] = [
    { name: "down through the gateway", bytes: BULK, run: (progress) => down(alice, neighbours, progress) },
    { name: "up through the gateway", bytes: BULK, run: (progress) => up(alice, neighbours, progress) },
    {
      name: "down, WebSocket cut 8 times",
      bytes: BULK,
      run: (progress) => cutDown(alice, neighbours, progress),
    },
    { name: "up, WebSocket cut 8 times", bytes: BULK, run: (progress) => cutUp(alice, neighbours, progress) },
    { name: "tunnel to tunnel", bytes: PEER, run: (progress) => across(alice, bob, progress) },
    { name: "published listener, plain TCP", bytes: 0, run: () => published(bob) },
    { name: "round trip", bytes: 0, run: () => roundTrip(alice, neighbours) },
  ];
  return {
    checks,
    close: async () => {
      await Promise.all([alice.close(), bob.close()]);
    },
  };
}

async function down(
  tunnel: Tunnel,
  { source }: Neighbours,
  progress: (bytes: number) => void,
): Promise<string> {
  const stream = await tunnel.connect(source);
  await stream.writeAll(new TextEncoder().encode(`${BULK}\n`));
  const hash = createHash("sha256");
  const started = performance.now();
  let count = 0;
  let told: Uint8Array = new Uint8Array(0);
  for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
    const data = chunk.subarray(0, Math.max(0, BULK - count));
    if (data.length < chunk.length) told = Buffer.concat([told, chunk.subarray(data.length)]);
    hash.update(data);
    count += data.length;
    progress(count);
  }
  const rate = speed(count, started);
  requireSame(hash.digest(), told);
  await stream.close();
  return rate;
}

async function up(tunnel: Tunnel, { sink }: Neighbours, progress: (bytes: number) => void): Promise<string> {
  const stream = await tunnel.connect(sink);
  return upload(stream, BULK, progress);
}

async function cutDown(
  tunnel: Tunnel,
  neighbours: Neighbours,
  progress: (bytes: number) => void,
): Promise<string> {
  return withCuts(tunnel, progress, (step) => down(tunnel, neighbours, step));
}

async function cutUp(
  tunnel: Tunnel,
  neighbours: Neighbours,
  progress: (bytes: number) => void,
): Promise<string> {
  return withCuts(tunnel, progress, (step) => up(tunnel, neighbours, step));
}

/** Cuts the WebSocket under `move` each time another ninth of the bytes has passed. */
async function withCuts(
  tunnel: Tunnel,
  progress: (bytes: number) => void,
  move: (step: (bytes: number) => void) => Promise<string>,
): Promise<string> {
  let cuts = 0;
  let resumed = 0;
  const count = (): void => void resumed++;
  tunnel.addEventListener("resumed", count);
  const result = await move((bytes) => {
    progress(bytes);
    if (cuts >= CUTS || bytes < ((cuts + 1) * BULK) / (CUTS + 1)) return;
    cuts++;
    tunnel.cutLink();
  });
  tunnel.removeEventListener("resumed", count);
  if (resumed !== CUTS) throw new Error(`the tunnel came back ${resumed} times after ${cuts} cuts`);
  return result;
}

async function across(alice: Tunnel, bob: Tunnel, progress: (bytes: number) => void): Promise<string> {
  const listener = await bob.bind(":7000");
  const accepted = listener.accept();
  const stream = await alice.connect(`${bob.name}.peer:7000`);
  const [other] = await accepted;
  void (async () => {
    const hash = createHash("sha256");
    for (let chunk = await other.readChunk(); chunk !== null; chunk = await other.readChunk())
      hash.update(chunk);
    await other.writeAll(hash.digest());
    await other.close();
  })().catch((error: unknown) => other.abort(error));
  const rate = await upload(stream, PEER, progress);
  await listener.close();
  return rate;
}

/** Sends, half closes, and compares the hash that comes back. */
async function upload(stream: TcpStream, total: number, progress: (bytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  const started = performance.now();
  let count = 0;
  for (const block of blocks(total)) {
    hash.update(block);
    await stream.writeAll(block);
    count += block.length;
    progress(count);
  }
  await stream.closeWrite();
  const told = await stream.readToEnd({ limit: 32 });
  const rate = speed(count, started);
  requireSame(hash.digest(), told);
  await stream.close();
  return rate;
}

/** Node's own HTTP client fetches what a tunnel serves: nothing of ours on that side. */
async function published(tunnel: Tunnel): Promise<string> {
  const server = serve(
    await tunnel.bind(":80", { publish: ":0" }),
    () => new Response("hello from a tunnel"),
  );
  const text = await new Promise<string>((resolve, reject) => {
    get(server.url, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts).toString()));
      response.on("error", reject);
    }).on("error", reject);
  });
  await server.close();
  if (text !== "hello from a tunnel") throw new Error(`the published listener answered "${text}"`);
  return "answered";
}

async function roundTrip(tunnel: Tunnel, { echo }: Neighbours): Promise<string> {
  const stream = await tunnel.connect(echo);
  const message = new Uint8Array(64);
  const times: number[] = [];
  for (let count = 0; count < 300; count++) {
    const started = performance.now();
    await stream.writeAll(message);
    await stream.readExact(message);
    times.push(performance.now() - started);
  }
  await stream.close();
  times.sort((left, right) => left - right);
  return `${(times[150] ?? 0).toFixed(2)} ms median of 300`;
}

function speed(count: number, started: number): string {
  return `${(count / 1e3 / (performance.now() - started)).toFixed(0)} MB/s, SHA-256 equal`;
}

function requireSame(computed: Uint8Array, told: Uint8Array): void {
  if (Buffer.compare(computed, told) !== 0)
    throw new Error("the SHA-256 of what arrived is not that of what was sent");
}
