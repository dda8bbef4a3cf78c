// Traces that Wireshark reads: pcapng (draft-ietf-opsawg-pcapng), one section, interfaces of raw IP packets
// (LINKTYPE_RAW, 101), microseconds. What runs inside a tunnel is what it shows.

import type { Link, Micros } from "../link/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import { type Direction, tapLink } from "./tap.ts";

export interface PcapngOptions {
  /** Takes the file, piece by piece. */
  readonly write: (bytes: Bytes) => void;
  /** Microseconds since 1970 at time 0 of the packets. Default 0. */
  readonly epoch?: number;
  /** A comment on the whole file. */
  readonly comment?: string;
}

export interface PacketNote {
  readonly direction?: Direction;
  /** Shown beside the packet. */
  readonly comment?: string;
}

export class PcapngWriter {
  private readonly write: (bytes: Bytes) => void;
  private readonly epoch: number;
  private interfaces: number = 0;

  /** Writes the section header. */
  constructor(options: PcapngOptions) {
    this.write = options.write;
    this.epoch = options.epoch ?? 0;
    const body = [u32(0x1a2b_3c4d), u16(1), u16(0), u32(0xffff_ffff), u32(0xffff_ffff)];
    const notes = [option(SHB_USER_APPLICATION, text("fourtuple")), ...comment(options.comment)];
    this.block(BLOCK_SECTION, [...body, ...endOfOptions(notes)]);
  }

  /** Another interface; its number is for packet(). */
  addInterface(name: string): number {
    const notes = [option(IF_NAME, text(name)), option(IF_TSRESOL, new Uint8Array([6]))];
    this.block(BLOCK_INTERFACE, [u16(LINKTYPE_RAW), u16(0), u32(0), ...endOfOptions(notes)]);
    return this.interfaces++;
  }

  /** One packet, at `now` in microseconds. */
  packet(
    on: number,
    now: Micros,
    bytes: Uint8Array,
    start: number,
    end: number,
    note: PacketNote = {},
  ): void {
    const time = Math.round(this.epoch + now);
    const length = end - start;
    const head = [u32(on), u32(Math.floor(time / 0x1_0000_0000)), u32(time), u32(length), u32(length)];
    const notes = comment(note.comment);
    if (note.direction !== undefined) notes.push(option(EPB_FLAGS, u32(note.direction === "in" ? 1 : 2)));
    this.block(BLOCK_PACKET, [...head, padded(bytes.subarray(start, end)), ...endOfOptions(notes)]);
  }

  private block(type: number, parts: readonly Uint8Array[]): void {
    let length = 12;
    for (const part of parts) length += part.length;
    const bytes = new Uint8Array(length);
    bytes.set(u32(type), 0);
    bytes.set(u32(length), 4);
    let at = 8;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    bytes.set(u32(length), at);
    this.write(bytes);
  }
}

/** The link, with everything that passes written down on an interface of its own. */
export function captureLink(link: Link, writer: PcapngWriter, clock: { now(): Micros }): Link {
  const on = writer.addInterface(link.description);
  return tapLink(link, {
    packet: (direction, bytes, start, end) =>
      writer.packet(on, clock.now(), bytes, start, end, { direction }),
  });
}

function u16(value: number): Uint8Array {
  return new Uint8Array([value & 255, (value >>> 8) & 255]);
}

function u32(value: number): Uint8Array {
  return new Uint8Array([value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255]);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value).subarray(0, 0xffff);
}

function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const longer = new Uint8Array((bytes.length + 3) & ~3);
  longer.set(bytes);
  return longer;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const data = padded(value);
  const bytes = new Uint8Array(4 + data.length);
  bytes.set(u16(code), 0);
  bytes.set(u16(value.length), 2);
  bytes.set(data, 4);
  return bytes;
}

function comment(value: string | undefined): Uint8Array[] {
  return value === undefined ? [] : [option(OPT_COMMENT, text(value))];
}

/** Options end with a zero; a block without any has none. */
function endOfOptions(options: Uint8Array[]): Uint8Array[] {
  return options.length === 0 ? [] : [...options, u32(0)];
}

const BLOCK_SECTION = 0x0a0d_0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 6;
const LINKTYPE_RAW = 101;
const OPT_COMMENT = 1;
const SHB_USER_APPLICATION = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;
