// What the page knows of one connection: its segments for the plot and its last packets for text and capture. Bounded:
// a connection of a day holds no more than one of a minute.

import { type Connection, ConnectionSource, type SegmentEvent } from "fourtuple/core";
import { PacketText, PcapngWriter } from "fourtuple/sim";
import type { Outage } from "./outages.ts";

interface SeenPacket {
  readonly at: number;
  readonly direction: "in" | "out";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** When the tunnel had no link, seconds of the connection's own time. */
export type Gap = readonly [from: number, to: number];

/** A row a segment: time in seconds, then what it says of the four curves; null where it says nothing. */
export type PlotData = [number[], (number | null)[], (number | null)[], (number | null)[], (number | null)[]];

export class ConnectionModel {
  readonly connection: Connection;
  readonly plot: PlotData = [[], [], [], [], []];
  /** Rises with every segment. */
  revision = 0;
  private readonly began: number;
  private readonly text = new PacketText();
  private packets: SeenPacket[] = [];
  private lines: string[] = [];
  private kept = 0;

  constructor(connection: Connection, now: number) {
    this.connection = connection;
    this.began = now;
  }

  /** Whom it is with: the real address, where the relay has told it. */
  get title(): string {
    const { passive, localPort, remotePort, user } = this.connection;
    const peer = user instanceof ConnectionSource ? String(user.peerAddr) : `port ${remotePort}`;
    return passive ? `:${localPort} from ${peer}` : `to ${peer}`;
  }

  segment(event: SegmentEvent): void {
    const [time, sent, acknowledged, received, resent] = this.plot;
    const outgoing = event.direction === "out";
    const data = event.length > 0 ? event.offset + event.length : null;
    time.push((event.now - this.began) / 1_000_000);
    sent.push(outgoing && !event.retransmission ? data : null);
    acknowledged.push(outgoing ? null : event.ack);
    received.push(outgoing ? null : data);
    resent.push(outgoing && event.retransmission ? data : null);
    this.revision++;
    if (time.length > MOST_SEGMENTS) this.thin();
  }

  /** The outages that it has lived through. */
  gaps(outages: readonly Outage[]): Gap[] {
    const last = this.began + (this.plot[0].at(-1) ?? 0) * 1_000_000;
    const seconds = (at: number): number => (at - this.began) / 1_000_000;
    return outages
      .filter(({ from, to }) => (to ?? last) >= this.began && from <= last)
      .map(({ from, to }) => [Math.max(0, seconds(from)), seconds(to ?? last)]);
  }

  packet(at: number, direction: "in" | "out", bytes: Uint8Array, start: number, end: number): void {
    const copy = bytes.slice(start, end) as Uint8Array<ArrayBuffer>;
    this.packets.push({ at, direction, bytes: copy });
    this.kept += copy.length;
    while (this.kept > MOST_BYTES && this.packets.length > 1)
      this.kept -= this.packets.shift()?.bytes.length ?? 0;
    const seconds = ((at - this.began) / 1_000_000).toFixed(6);
    const line = this.text.packet(copy, 0, copy.length).replace(/^.*?: /, "");
    this.lines.push(`${seconds} ${direction === "out" ? "\u2192" : "\u2190"} ${line}`);
    if (this.lines.length > MOST_LINES) this.lines.splice(0, this.lines.length - MOST_LINES);
  }

  get lastPackets(): string {
    return this.lines.join("\n");
  }

  /** The packets that are still here, for Wireshark. */
  capture(): Blob {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const epoch = performance.timeOrigin * 1_000;
    const writer = new PcapngWriter({ write: (part) => parts.push(part), epoch, comment: this.title });
    const on = writer.addInterface("tunnel");
    for (const { at, direction, bytes } of this.packets)
      writer.packet(on, at, bytes, 0, bytes.length, { direction });
    return new Blob(parts, { type: "application/x-pcapng" });
  }

  /** Every second row of the older half goes: the shape stays. */
  private thin(): void {
    const half = this.plot[0].length >> 1;
    for (const column of this.plot) {
      const older = column.slice(0, half).filter((_value, row) => row % 2 === 0);
      column.splice(0, half, ...older);
    }
  }
}

const MOST_SEGMENTS = 4_000;
const MOST_BYTES = 4 << 20;
const MOST_LINES = 60;
