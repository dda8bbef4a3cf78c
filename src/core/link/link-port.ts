// One link of a driver: takes its frames apart, keeps its budget and its round trips, and holds the message under way.
// What packets mean is the stack's business, what control messages from type 16 mean is the tunnel's.

import type { Bytes } from "../wire/bytes.ts";
import { DEFAULT_RECEIVE_CAP, LinkBudget } from "./budget.ts";
import type { Micros } from "./clock.ts";
import {
  type ControlMessage,
  ControlType,
  decodeControl,
  encodeControl,
  RECEIVED_FRAME_LENGTH,
  readReceived,
  writeReceived,
} from "./control-codec.ts";
import { FlowRing, RingSet } from "./deficit-round-robin.ts";
import { Place } from "./flow.ts";
import { FrameReader, type FrameSink, readFrames } from "./frames.ts";
import type { Link, LinkClosed, LinkHandler } from "./link.ts";
import { LinkCloseCode, MAX_MESSAGE } from "./link.ts";
import { type MessageMemory, MessageWriter } from "./message-writer.ts";
import type { RouteState } from "./route-state.ts";

/** What a port tells its driver. */
export interface PortOwner {
  /** A message arrives: the time of everything in it. */
  messageBegins(): Micros;
  packet(port: LinkPort, bytes: Bytes, start: number, end: number): void;
  control(port: LinkPort, type: number, message: ControlMessage): void;
  acknowledged(port: LinkPort, number: number): void;
  messageEnds(port: LinkPort): void;
  /** The answer to a ping sent at `sentAt`; told after the packets that came with it. */
  pong(port: LinkPort, sentAt: Micros): void;
  /** There is something to send, or room to send it. */
  wake(): void;
  protocolError(port: LinkPort, text: string): void;
  closed(port: LinkPort, reason: LinkClosed): void;
  /** The user of a port closes it. */
  detach(port: LinkPort, reason?: LinkClosed): void;
}

export interface PortOptions {
  readonly id: number;
  readonly link: Link;
  readonly now: Micros;
  readonly receiveCap: number | undefined;
  readonly highWater: number;
  readonly controlBytes: number;
  readonly memory: MessageMemory;
}

export class LinkPort implements LinkHandler, FrameSink {
  /** What the stack knows the link by. */
  readonly id: number;
  readonly link: Link;
  /** When anything last arrived; at first, when the link was attached. */
  lastArrival: Micros;
  /** Packet bytes in all, without control frames. */
  bytesSent: number = 0;
  bytesReceived: number = 0;
  messagesSent: number = 0;
  messagesReceived: number = 0;
  /** Messages, on a link that carries packets alone, of which something was not a packet. */
  malformed: number = 0;
  isClosed: boolean = false;
  /** Called when packets are under way that were not: see waitingSince. */
  onWaiting: (() => void) | null = null;
  /** @internal Flows bound to this port, and all rings it draws on. */
  readonly ring: FlowRing = new FlowRing();
  /** @internal */
  readonly rings: RingSet = new RingSet([this.ring]);
  /** @internal */
  readonly routes: RouteState[] = [];
  /** @internal The message under way. */
  readonly writer: MessageWriter;
  /** @internal Its packet bytes. */
  packetBytes: number = 0;
  private readonly owner: PortOwner;
  private readonly flow: LinkBudget | null;
  private readonly reader: FrameReader | null;
  private readonly highWater: number;
  private readonly controlLimit: number;
  private readonly controls: Bytes[] = [];
  private controlBytes: number = 0;
  private owesReceived: boolean = false;
  /** Packet bytes that the last `received` told, and when; how many more need word at once. */
  private told: number = 0;
  private toldAt: Micros = 0;
  private worthTelling: number = LEAST_WORTH_TELLING;
  /** The session control that the next `received` acknowledges; -1: none. */
  private controlApplied: number = -1;
  private wantsPing: boolean = false;
  private pingId: number = 0;
  /** Pings without an answer: id, time, id, time... */
  private readonly pings: number[] = [];
  private pongSentAt: Micros = -1;
  /** Pings to answer. */
  private readonly pongs: number[] = [];
  private readonly sendMessage: (message: Bytes) => void;

  constructor(owner: PortOwner, options: PortOptions) {
    const { link } = options;
    this.owner = owner;
    this.id = options.id;
    this.link = link;
    this.lastArrival = options.now;
    this.highWater = options.highWater;
    this.controlLimit = options.controlBytes;
    const cap = options.receiveCap ?? DEFAULT_RECEIVE_CAP;
    this.flow = link.packetsOnly ? null : new LinkBudget(cap, link.bestMessage);
    this.reader = link.framed ? null : new FrameReader(this);
    this.sendMessage = (message) => link.send(message);
    this.writer = new MessageWriter(options.memory, link.copiesOnSend ?? false);
  }

  /**
   * Sends a control frame with this turn's message: before its packets, after the control frames before it. Neither
   * the budget nor a full link holds it back; a link on which too much of it collects is closed.
   *
   * @throws {TypeError} for what MessagePack cannot hold, {RangeError} for what does not fit a frame.
   */
  sendControl(type: number, message: ControlMessage): void {
    if (this.isClosed) return;
    if (this.link.packetsOnly)
      throw new TypeError(`${this.link.description} carries packets alone: no control frames`);
    const frame = encodeControl(type, message);
    this.controls.push(frame);
    this.controlBytes += frame.length;
    if (this.controlBytes + this.link.buffered > this.highWater + this.controlLimit) {
      const reason = "The other side does not take what it is sent";
      this.owner.closed(this, { code: LinkCloseCode.overload, reason });
      return;
    }
    this.owner.wake();
  }

  /** Sends a ping; its answer refreshes `lastArrival` and `rtt`. At most one leaves in a turn. */
  ping(): void {
    if (this.link.packetsOnly) return;
    this.wantsPing = true;
    this.owner.wake();
  }

  /** Session control up to `number` was applied: the next `received` says so, and leaves with this turn's message. */
  acknowledge(number: number): void {
    if (this.flow === null) return;
    this.controlApplied = number;
    this.owesReceived = true;
    this.owner.wake();
  }

  /** Estimated delivery rate, bytes per second; 0 while unknown. */
  get rate(): number {
    return this.flow?.rate ?? 0;
  }

  /** Smoothed round trip of the link; 0 while unknown. */
  get rtt(): Micros {
    return this.flow?.rtt ?? 0;
  }

  /** Least round trip of the last ten seconds or so; 0 while unknown. */
  get minRtt(): Micros {
    return this.flow?.minRtt ?? 0;
  }

  /** Packet bytes that may be outstanding now; Infinity where the link keeps no budget. */
  get budget(): number {
    return this.flow?.budget ?? Number.POSITIVE_INFINITY;
  }

  /** Packet bytes sent of which the other side has not said that it took them. */
  get inFlight(): number {
    return this.flow?.inFlight ?? 0;
  }

  /** Since when packets are under way without word that any was taken; Infinity when none are. */
  get waitingSince(): Micros {
    return this.flow?.waitingSince ?? Number.POSITIVE_INFINITY;
  }

  /** Closes the link. The driver's onLinkClosed is not called. */
  close(reason?: LinkClosed): void {
    this.owner.detach(this, reason);
  }

  // --- what the link calls

  /** @internal */
  message(bytes: Bytes): void {
    if (this.isClosed) return;
    this.lastArrival = this.owner.messageBegins();
    this.messagesReceived++;
    const before = this.bytesReceived;
    const refused = this.reader === null ? readFrames(bytes, this) : this.reader.push(bytes);
    if (this.bytesReceived !== before) this.owesReceived = true;
    if (this.pongSentAt >= 0) {
      const sentAt = this.pongSentAt;
      this.pongSentAt = -1;
      // What left in the same turn as the ping left after it.
      this.owner.pong(this, sentAt - 1);
    }
    if (refused !== null && !this.isClosed) {
      // A path of bare packets may damage them; between two ends of a link nothing but a fault can.
      if (this.flow === null) this.malformed++;
      else this.owner.protocolError(this, refused);
    }
    this.owner.messageEnds(this);
  }

  /** @internal */
  drained(): void {
    // Most writes are done long before a link is full: nothing has waited for them then.
    if (!this.isClosed && this.hasPackets) this.owner.wake();
  }

  /** @internal */
  sent(message: Bytes): void {
    this.writer.recycle(message);
  }

  /** @internal */
  closed(reason: LinkClosed): void {
    if (!this.isClosed) this.owner.closed(this, reason);
  }

  /** @internal */
  packet(bytes: Bytes, start: number, end: number): void {
    if (this.isClosed) return;
    this.bytesReceived += end - start;
    this.owner.packet(this, bytes, start, end);
  }

  /** @internal */
  control(type: number, bytes: Bytes, start: number, end: number): string | null {
    if (this.isClosed) return null;
    if (this.flow === null) return "Control frame on a link that carries packets alone";
    if (type === ControlType.received) {
      const taken = readReceived(bytes, start, end);
      if (taken >= 0) return this.takeReceived(taken);
    }
    const message = decodeControl(bytes, start, end);
    if (typeof message === "string") return message;
    if (type > LAST_LINK_TYPE) {
      this.owner.control(this, type, message);
      return null;
    }
    if (type === ControlType.received) {
      const { bytes: taken, control } = message;
      if (isCount(control)) this.owner.acknowledged(this, control);
      return this.takeReceived(taken);
    }
    if (type === ControlType.ping || type === ControlType.pong) return this.takePing(type, message["id"]);
    return null;
  }

  private takeReceived(bytes: unknown): string | null {
    if (!isCount(bytes)) return "Control frame received: bytes is not a count";
    return this.flow?.onReceived(this.lastArrival, bytes)
      ? null
      : "Control frame received: more bytes than were sent";
  }

  private takePing(type: number, id: unknown): string | null {
    if (!isCount(id)) return "Control frame ping or pong: id is not a count";
    if (type === ControlType.ping) {
      this.pongs.push(id);
      if (this.pongs.length > MOST_PONGS) this.pongs.shift();
      this.owner.wake();
      return null;
    }
    const at = this.pings.indexOf(id);
    if (at >= 0 && at % 2 === 0) {
      this.pongSentAt = this.pings[at + 1];
      this.pings.splice(0, at + 2);
      this.flow?.onRoundTrip(this.lastArrival, this.lastArrival - this.pongSentAt);
    }
    return null;
  }

  // --- what the driver calls

  /** @internal Nothing is owed but word of a little data, and no packet is due that may not wait. */
  get canWait(): boolean {
    if (this.controls.length > 0 || this.wantsPing || this.owesPong) return false;
    if (this.bytesReceived - this.told > this.worthTelling) return false;
    for (const ring of this.rings.rings) if (!ring.canWait) return false;
    return true;
  }

  /** @internal There is something to send. */
  get hasWork(): boolean {
    return (
      this.owesReceived || this.controls.length > 0 || this.wantsPing || this.owesPong || this.hasPackets
    );
  }

  private get hasPackets(): boolean {
    for (const ring of this.rings.rings) if (!ring.isEmpty) return true;
    return false;
  }

  /** @internal Pings have come. See acknowledgeAll() for what goes before their answer. */
  get owesPong(): boolean {
    return this.pongs.length > 0;
  }

  /** @internal Answers them. */
  answer(now: Micros): void {
    for (const id of this.pongs) this.write(now, encodeControl(ControlType.pong, { id }));
    this.pongs.length = 0;
  }

  /** @internal Puts what goes first into the message: `received`, a ping, control frames. */
  begin(now: Micros): void {
    if (this.flow === null) {
      this.owesReceived = false;
      return;
    }
    if (this.owesReceived) {
      this.owesReceived = false;
      this.takeArrivals(now);
      if (this.controlApplied >= 0) {
        const received = { bytes: this.bytesReceived, control: this.controlApplied };
        this.controlApplied = -1;
        this.write(now, encodeControl(ControlType.received, received));
      } else this.writeReceived();
    }
    if (this.wantsPing) {
      this.wantsPing = false;
      this.pings.push(++this.pingId, now);
      if (this.pings.length > 2 * MOST_PINGS) this.pings.splice(0, 2);
      this.write(now, encodeControl(ControlType.ping, { id: this.pingId }));
    }
    if (this.controls.length === 0) return;
    for (const frame of this.controls) this.write(now, frame);
    this.controls.length = 0;
    this.controlBytes = 0;
  }

  /** What came since the last `received` says how much a moment brings: word of it goes about once in that time. */
  private takeArrivals(now: Micros): void {
    const elapsed = Math.max(1, now - this.toldAt);
    const moment = ((this.bytesReceived - this.told) * MOMENT) / elapsed;
    this.worthTelling = Math.min(MOST_WORTH_TELLING, Math.max(LEAST_WORTH_TELLING, moment));
    this.told = this.bytesReceived;
    this.toldAt = now;
  }

  private writeReceived(): void {
    while (this.writer.room < RECEIVED_FRAME_LENGTH) this.writer.grow();
    writeReceived(this.writer.slab, this.writer.at, this.bytesReceived);
    this.writer.at += RECEIVED_FRAME_LENGTH;
  }

  /** @internal Puts a whole frame into the message, sending the one before it when that is full. */
  write(now: Micros, frame: Bytes): void {
    if (!this.writer.append(frame)) {
      this.send(now);
      this.writer.append(frame);
    }
  }

  /** @internal Whether the link takes packets, the message under way included. */
  get hasRoom(): boolean {
    return !this.isClosed && this.link.buffered + this.writer.length < this.highWater;
  }

  /**
   * @internal Bytes of packets that may go now: urgent ones up to the other side's cap, fresh flows a little beyond the
   * budget, so that a keystroke does not wait for a bulk flow's bytes to be taken, all others within it.
   */
  allowance(place: Place): number {
    const { flow } = this;
    if (flow === null) return MAX_MESSAGE;
    const inFlight = flow.inFlight + this.packetBytes;
    const limit = place === Place.fresh ? flow.steadyBudget + flow.segmentLimit : flow.budget;
    return place !== Place.urgent && inFlight >= limit ? 0 : flow.cap - inFlight;
  }

  /** @internal How long what leaves now will take: for choosing the port with the shortest queue. */
  get load(): number {
    return this.flow === null ? this.link.buffered + this.packetBytes : this.flow.delay(this.packetBytes);
  }

  /** @internal The link stands still: where there is another, nothing more is put on it. */
  isOverdue(now: Micros): boolean {
    return this.flow?.isOverdue(now) ?? false;
  }

  /** @internal */
  get segmentLimit(): number {
    return this.flow?.segmentLimit ?? LARGEST_SEGMENT;
  }

  /** @internal The message under way is as long as is good for the link. */
  get isMessageLong(): boolean {
    return this.flow !== null && this.packetBytes >= this.flow.messageLimit;
  }

  /** @internal Hands the message under way to the link. */
  send(now: Micros): void {
    if (this.writer.length === 0) return;
    const { packetBytes } = this;
    this.packetBytes = 0;
    if (packetBytes > 0) {
      this.bytesSent += packetBytes;
      const wasIdle = this.inFlight === 0;
      this.flow?.onSent(now, packetBytes);
      if (wasIdle && this.onWaiting !== null) this.onWaiting();
    }
    this.messagesSent++;
    this.writer.finish(this.sendMessage);
  }

  /** @internal All rings are empty: what is measured now is the application. */
  onIdle(): void {
    this.flow?.onIdle();
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Types up to this belong to the link, those above to the tunnel. */
const LAST_LINK_TYPE = 15;
const MOST_PINGS = 8;
/** Of a flood the last ones are answered: whoever asks knows the others by them. */
const MOST_PONGS = 8;
const LARGEST_SEGMENT = 65_535;
/** Packet bytes that need `received` at once, at least an eighth of a fresh link's budget. */
const LEAST_WORTH_TELLING = 8_192;
const MOST_WORTH_TELLING = 262_144;
/** A fifth of the headroom that the other side's budget has for late words. */
const MOMENT: Micros = 1_000;
