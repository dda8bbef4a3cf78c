// Micro benchmark of core/wire: nanoseconds per parse, header and packet, gigabytes per second of checksum.
// Run alone: npx tsx bench/wire.ts. Each figure is the best of many short rounds, so a busy machine disturbs
// it less.

import {
  addToSum,
  finishSum,
  IpAddress,
  ipHeaderLength,
  Packet,
  parsePacket,
  TcpSegment,
  tcpHeaderLength,
  writeIpHeader,
  writeTcpChecksum,
  writeTcpHeader,
} from "../src/core/wire/index.ts";

const ROUNDS = 40;
const ROUND_NS = 10e6;

let sink = 0;

/** The best round's nanoseconds per call; the number keeps the call from being optimised away. */
function measure(call: (turn: number) => number): number {
  let calls = 256;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint();
    for (let turn = 0; turn < calls; turn++) sink = (sink + call(turn)) | 0;
    const each = Math.max(0.1, Number(process.hrtime.bigint() - began) / calls);
    best = Math.min(best, each);
    calls = Math.max(256, Math.ceil(ROUND_NS / each));
  }
  return best;
}

function report(name: string, ns: number, bytes = 0): void {
  const rate = bytes === 0 ? "" : `  ${(bytes / ns).toFixed(2)} GB/s`;
  console.log(`${name.padEnd(58)} ${ns.toFixed(1).padStart(8)} ns${rate}`);
}

const addresses = {
  4: [IpAddress.v4(10, 0, 0, 1), IpAddress.v4(10, 0, 0, 2)],
  6: [IpAddress.parse("fd00::1") as IpAddress, IpAddress.parse("fd00:4::2") as IpAddress],
} as const;

const segment = new TcpSegment();
segment.sourcePort = 443;
segment.destinationPort = 51_234;
segment.seq = 0xfedc_ba98;
segment.ack = 0x89ab_cdef;
segment.flags = 16;
segment.window = 512;
segment.hasTimestamps = true;
segment.tsVal = 0x9000_0000;
segment.tsEcr = 77;

/** Writes a whole packet around the payload that is already in `out`; returns its length. */
function build(out: Uint8Array, at: number, family: 4 | 6, payload: number, checksum: boolean): number {
  const [source, destination] = addresses[family];
  const header = ipHeaderLength(family);
  const tcp = tcpHeaderLength(segment);
  writeIpHeader(out, at, source, destination, 6, tcp + payload, 0, 64, 0);
  writeTcpHeader(out, at + header, segment);
  const length = header + tcp + payload;
  if (checksum) writeTcpChecksum(out, at, at + length);
  return length;
}

const out = new Uint8Array(256 * 1024);
for (let at = 0; at < out.length; at++) out[at] = Math.imul(at, 2_654_435_761) >>> 13;
const payload = out.slice(0, 1400);
const packet = new Packet();

for (const size of [1400, 65_536]) {
  for (const start of [0, 1, 2, 3]) {
    const ns = measure(() => finishSum(addToSum(0, out, start, start + size)));
    report(`checksum of ${size} bytes at alignment ${start}`, ns, size);
  }
}
report(
  "checksum of 40 bytes",
  measure(() => finishSum(addToSum(0, out, 0, 40))),
);

for (const family of [4, 6] as const) {
  for (const [size, at] of [
    [0, 0],
    [1448, 0],
    [1448, 1],
  ] as const) {
    const end = at + build(out, at, family, size, true);
    const name = `IPv${family}, ${size} B payload, start at alignment ${at}`;
    report(
      `parse and verify ${name}`,
      measure(() => parsePacket(packet, out, at, end, true) + packet.tcp.seq),
    );
    report(
      `parse only       ${name}`,
      measure(() => parsePacket(packet, out, at, end, false) + packet.tcp.seq),
    );
  }
  const header = ipHeaderLength(family) + tcpHeaderLength(segment);
  report(
    `write IPv${family} and TCP header (timestamps)`,
    measure((turn) => {
      segment.seq = (segment.seq + 1448) >>> 0;
      return build(out, turn & 1023, family, 1400, false);
    }),
  );
  report(
    `build IPv${family} with 1,400 B payload and checksum`,
    measure((turn) => {
      const at = (turn & 63) * 1461;
      out.set(payload, at + header);
      return build(out, at, family, 1400, true);
    }),
    1400,
  );
}
if (sink === 0.5) console.log(sink);
