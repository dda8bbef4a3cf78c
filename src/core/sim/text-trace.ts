// One line for each packet, as tcpdump writes it: time, direction, addresses, flags, relative sequence numbers.
//   0.020114 < fd00::2.7000 > fd00::1.49152: Flags [S.], seq 771, ack 1, win 65535, options [mss 1440], length 0

import { ControlType, decodeControl, type Link, type Micros } from "../link/index.ts";
import { Malformed, malformedText } from "../wire/malformed.ts";
import { Packet, parsePacket } from "../wire/packet.ts";
import { Protocol } from "../wire/protocol.ts";
import { seqDifference } from "../wire/seq.ts";
import { Flag, type TcpSegment } from "../wire/tcp-segment.ts";
import { tapLink } from "./tap.ts";

export interface TextTraceOptions {
  /** Takes each line, without its end. */
  readonly write: (line: string) => void;
  readonly clock: { now(): Micros };
  /** Stands before each line. */
  readonly name?: string;
  /** Also control frames. Default false. */
  readonly control?: boolean;
}

/** The link, with a line for everything that passes: `>` leaves here, `<` arrives. */
export function traceLink(link: Link, options: TextTraceOptions): Link {
  const { write, clock, name } = options;
  const describe = new PacketText();
  const line = (direction: string, text: string): void => {
    const time = (clock.now() / 1_000_000).toFixed(6);
    write(`${name === undefined ? "" : `${name} `}${time} ${direction === "in" ? "<" : ">"} ${text}`);
  };
  return tapLink(link, {
    packet: (direction, bytes, start, end) => line(direction, describe.packet(bytes, start, end)),
    control: (direction, type, bytes, start, end) => {
      if (options.control) line(direction, describeControl(type, bytes, start, end));
    },
    closed: (reason) => line("in", `closed ${reason.code ?? ""} ${reason.reason ?? ""}`.trimEnd()),
  });
}

/** Turns packets into lines. Remembers where each direction's sequence numbers began, as far as it saw the SYNs. */
export class PacketText {
  private readonly parsed: Packet = new Packet();
  private readonly first: Map<string, number> = new Map();

  packet(bytes: Uint8Array, start: number, end: number): string {
    const { parsed } = this;
    const refused = parsePacket(parsed, bytes, start, end, false);
    if (refused !== Malformed.none) return `malformed, ${end - start} bytes: ${malformedText(refused)}`;
    const source = parsed.source().toString();
    const destination = parsed.destination().toString();
    if (parsed.protocol !== Protocol.tcp) {
      return `${source} > ${destination}: protocol ${parsed.protocol}, length ${parsed.payloadEnd - parsed.payloadStart}`;
    }
    const { tcp } = parsed;
    const from = `${source}.${tcp.sourcePort}`;
    const to = `${destination}.${tcp.destinationPort}`;
    return `${from} > ${to}: ${this.segment(tcp, from, to)}`;
  }

  private segment(tcp: TcpSegment, from: string, to: string): string {
    const { flags } = tcp;
    const length = tcp.dataEnd - tcp.dataStart;
    if ((flags & Flag.syn) !== 0) this.remember(`${from} ${to}`, tcp.seq);
    const base = this.first.get(`${from} ${to}`);
    const parts = [`Flags [${flagText(flags)}]`];
    if (length > 0 || (flags & (Flag.syn | Flag.fin | Flag.rst)) !== 0) {
      const seq = (flags & Flag.syn) !== 0 ? tcp.seq : relative(tcp.seq, base);
      parts.push(length > 0 ? `seq ${seq}:${seq + length}` : `seq ${seq}`);
    }
    if ((flags & Flag.ack) !== 0) parts.push(`ack ${relative(tcp.ack, this.first.get(`${to} ${from}`))}`);
    parts.push(`win ${tcp.window}`);
    const options = optionText(tcp, this.first.get(`${to} ${from}`));
    if (options !== "") parts.push(`options [${options}]`);
    parts.push(`length ${length}`);
    return parts.join(", ");
  }

  private remember(flow: string, seq: number): void {
    // A long trace of many connections forgets the oldest.
    if (this.first.size >= MOST_FLOWS) {
      for (const oldest of this.first.keys()) {
        this.first.delete(oldest);
        break;
      }
    }
    this.first.set(flow, seq);
  }
}

function relative(seq: number, base: number | undefined): number {
  return base === undefined ? seq : seqDifference(seq, base) >>> 0;
}

function flagText(flags: number): string {
  let text = "";
  for (const [bit, letter] of LETTERS) if ((flags & bit) !== 0) text += letter;
  return text === "" ? "none" : text;
}

function optionText(tcp: TcpSegment, peerBase: number | undefined): string {
  const parts: string[] = [];
  if (tcp.mss !== 0) parts.push(`mss ${tcp.mss}`);
  if (tcp.sackPermitted) parts.push("sackOK");
  if (tcp.hasTimestamps) parts.push(`TS val ${tcp.tsVal} ecr ${tcp.tsEcr}`);
  if (tcp.windowScale >= 0) parts.push(`wscale ${tcp.windowScale}`);
  for (let i = 0; i < tcp.sackCount; i++) {
    const left = relative(tcp.sackEdges[2 * i], peerBase);
    const right = relative(tcp.sackEdges[2 * i + 1], peerBase);
    parts.push(`sack {${left}:${right}}`);
  }
  return parts.join(",");
}

function describeControl(type: number, bytes: Uint8Array, start: number, end: number): string {
  const name = CONTROL_NAMES[type] ?? `type ${type}`;
  const message = decodeControl(bytes, start, end);
  return `control ${name}: ${typeof message === "string" ? message : JSON.stringify(message)}`;
}

const LETTERS: readonly (readonly [number, string])[] = [
  [Flag.fin, "F"],
  [Flag.syn, "S"],
  [Flag.rst, "R"],
  [Flag.psh, "P"],
  [Flag.ack, "."],
  [Flag.urg, "U"],
  [Flag.ece, "E"],
  [Flag.cwr, "W"],
];
const CONTROL_NAMES: { readonly [type: number]: string } = {
  [ControlType.ping]: "ping",
  [ControlType.pong]: "pong",
  [ControlType.received]: "received",
};
const MOST_FLOWS = 10_000;
