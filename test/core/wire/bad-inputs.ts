// Random and mutated packets for the parsers, and what has to hold for each: no parser throws or leaves its bytes, and
// what parses can be written again and parses the same.

import fc from "fast-check";
import { IcmpMessage, parseIcmp } from "../../../src/core/wire/icmp.ts";
import { buildEchoReply, buildIcmpError, type IcmpError } from "../../../src/core/wire/icmp-build.ts";
import { ipHeaderLength } from "../../../src/core/wire/ip-header.ts";
import { Malformed, malformedCodes } from "../../../src/core/wire/malformed.ts";
import { Packet, packetLength, parsePacket } from "../../../src/core/wire/packet.ts";
import { TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildTcpPacket, segments } from "./arbitraries.ts";
import { fromHex } from "./hex.ts";
import { linuxIpv4, linuxIpv6 } from "./linux-packets.ts";
import { naiveChecksum } from "./naive-checksum.ts";

/** Small fast random numbers (xorshift32), so that a batch costs its parsing and not its making. */
export class InputRandom {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 1;
  }
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

const corpus: Uint8Array[] = [...Object.values(linuxIpv4), ...Object.values(linuxIpv6)].map(fromHex);
for (const extensions of ["3c00010400000000060000000000000000", "2b00010400000000" + "0600fd0000000000"]) {
  const syn = linuxIpv6.syn;
  const first = extensions.startsWith("3c") ? "00" : "3c";
  const length = (40 + extensions.length / 2).toString(16).padStart(4, "0");
  corpus.push(fromHex(syn.slice(0, 8) + length + first + syn.slice(14, 80) + extensions + syn.slice(80)));
}
for (const segment of fc.sample(segments, { numRuns: 40, seed: 1 })) {
  const [source, destination] = [new Packet().source(), new Packet().destination()];
  corpus.push(buildTcpPacket(source, destination, segment, new Uint8Array(30)).bytes);
}

/**
 * A random, mutated or spliced input of at most 700 bytes, its parts that random changes seldom get right
 * repaired.
 */
export function makeInput(random: InputRandom): Uint8Array {
  if (random.below(8) === 0) {
    const noise = Uint8Array.from({ length: random.below(120) }, () => random.below(256));
    if (noise.length > 0 && random.below(2) === 0) noise[0] = random.below(2) === 0 ? 0x45 : 0x60;
    return noise;
  }
  const model = corpus[random.below(corpus.length)];
  const bytes = model.slice(0, 700);
  for (let change = random.below(6); change > 0; change--) {
    const at = random.below(random.below(2) === 0 ? Math.min(bytes.length, 80) : bytes.length);
    switch (random.below(4)) {
      case 0:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 1:
        bytes[at] = [0, 1, 4, 6, 0x7f, 0x80, 0xff][random.below(7)];
        break;
      case 2:
        bytes[at] = random.below(256);
        break;
      default: {
        const other = corpus[random.below(corpus.length)];
        const from = random.below(other.length);
        bytes.set(other.subarray(from, from + Math.min(random.below(40), bytes.length - at)), at);
      }
    }
  }
  const cut = random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
  if (random.below(2) === 0) repair(cut);
  return cut;
}

/** Sets the length and, in IPv4, the header checksum right, so that mutations get further in. */
function repair(bytes: Uint8Array): void {
  if (bytes.length >= 40 && bytes[0] >>> 4 === 6) {
    bytes[4] = (bytes.length - 40) >>> 8;
    bytes[5] = bytes.length - 40;
  } else if (bytes.length >= 20) {
    bytes[2] = bytes.length >>> 8;
    bytes[3] = bytes.length;
    bytes.fill(0, 10, 12);
    const value = naiveChecksum(bytes.subarray(0, Math.min(bytes.length, (bytes[0] & 15) * 4)));
    bytes[10] = value >>> 8;
    bytes[11] = value;
  }
}

export function newTally(): Tally {
  return { codes: new Array<number>(malformedCodes).fill(0), kinds: new Set() };
}

const errors: IcmpError[] = [
  { kind: "unreachable", reason: "port" },
  { kind: "too-big", mtu: 1400 },
  { kind: "time-exceeded", code: 0 },
];

export interface Tally {
  codes: number[];
  kinds: Set<string>;
}

const packet = new Packet();
const again = new Packet();
const message = new IcmpMessage();

/**
 * What has to hold for one input at a random place of a larger array. Plain throws: expect() would dominate.
 */
export function checkInput(
  bytes: Uint8Array,
  start: number,
  end: number,
  verify: boolean,
  tally: Tally,
): void {
  const refused = parsePacket(packet, bytes, start, end, verify);
  tally.codes[refused]++;
  const { payloadStart, payloadEnd } = packet;
  if (
    !(start <= payloadStart && payloadStart <= payloadEnd && payloadEnd <= packet.end && packet.end <= end)
  ) {
    throw new Error(`The payload ${payloadStart}..${payloadEnd} leaves ${start}..${end}`);
  }
  const length = packetLength(bytes, start, end);
  if (refused !== Malformed.none) return;
  if (length !== packet.end - start)
    throw new Error(`The packet's length is ${length} and ${packet.end - start}`);
  if (parseIcmp(message, packet, verify) === Malformed.none) {
    tally.kinds.add(message.kind);
    checkBuilt(buildEchoReply(packet, 64));
  }
  checkBuilt(buildIcmpError(packet, packet.destination(), errors[bytes[start + 5] % 3], 64));
  if (packet.protocol === 6) checkSegment();
}

/** Everything built is a packet that verifies, at most as long as allowed. */
function checkBuilt(built: Uint8Array | null): void {
  if (built === null) return;
  if (parsePacket(again, built, 0, built.length, true) !== Malformed.none)
    throw new Error("A built packet is bad");
  const icmp = new IcmpMessage();
  if (parseIcmp(icmp, again, true) !== Malformed.none) throw new Error("A built ICMP message is bad");
  if (icmp.kind !== "echo-reply" && built.length > (again.version === 4 ? 576 : 1280)) {
    throw new Error(`A built error has ${built.length} bytes`);
  }
}

function checkSegment(): void {
  const { tcp, payloadStart, payloadEnd } = packet;
  if (!(payloadStart + 20 <= tcp.dataStart && tcp.dataStart <= tcp.dataEnd && tcp.dataEnd === payloadEnd)) {
    throw new Error(
      `The data ${tcp.dataStart}..${tcp.dataEnd} leaves the segment ${payloadStart}..${payloadEnd}`,
    );
  }
  const data = packet.bytes.subarray(tcp.dataStart, tcp.dataEnd);
  const { bytes, end } = buildTcpPacket(packet.source(), packet.destination(), tcp, data, 3);
  if (parsePacket(again, bytes, 3, end, true) !== Malformed.none)
    throw new Error("A rewritten packet is bad");
  if (again.payloadEnd - again.tcp.dataStart !== data.length) throw new Error("A rewritten packet lost data");
  for (const name of Object.keys(new TcpSegment()) as (keyof TcpSegment)[]) {
    if (name === "dataStart" || name === "dataEnd" || name === "sackEdges") continue;
    // Blocks that do not fit beside the other options in our layout are left out; duplicates can make that
    // happen.
    const fewer = name === "sackCount" && again.tcp.sackCount < tcp.sackCount;
    if (again.tcp[name] !== tcp[name] && !fewer)
      throw new Error(`${name}: ${tcp[name]} became ${again.tcp[name]}`);
  }
  for (let edge = 0; edge < 2 * again.tcp.sackCount; edge++) {
    if (again.tcp.sackEdges[edge] !== tcp.sackEdges[edge]) throw new Error("A SACK block changed");
  }
  if (ipHeaderLength(again.version) + 3 !== again.payloadStart)
    throw new Error("A rewritten header has options");
}
