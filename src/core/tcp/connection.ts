// One TCP connection, RFC 9293: its state, the user's calls, and what the rest of this room works on. The rules live in
// files of their own: segment-arrives (§3.10.7), acknowledgment, segment-text, transmit, timeouts.
// No clock, no callback, no I/O: time is an argument, output is pulled, events are flags.

import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { AckBudget } from "./ack-budget.ts";
import { canAckLater } from "./ack-later.ts";
import { receiveStart, resizeBuffers, sendStart, tuneReceiving, tuneSending } from "./buffer-tuning.ts";
import type { CongestionController } from "./congestion.ts";
import { newController } from "./controllers.ts";
import { DeliveryRate } from "./delivery-rate.ts";
import { type EcnState, NO_ECN } from "./ecn.ts";
import { type CloseReason, Event } from "./event.ts";
import { FrtoStep } from "./frto.ts";
import { largestSegment, windowScaleFor } from "./handshake.ts";
import type { Host } from "./host.ts";
import { type ConnectionInfo, connectionInfo } from "./info.ts";
import { type KeepAlive, type TcpOptions, withOptions } from "./options.ts";
import { Pacer } from "./pacing.ts";
import type { PathMtu } from "./pmtu.ts";
import type { Prr } from "./prr.ts";
import { Rack } from "./rack.ts";
import { ReceiveSide } from "./receive-side.ts";
import type { Route } from "./route.ts";
import { RoundTrip } from "./rtt.ts";
import { SendSide } from "./send-side.ts";
import { canQueue, canReceive, isSynchronized, type TcpState } from "./tcp-state.ts";
import { Timer, Timers } from "./timers.ts";
import { TailLossProbe } from "./tlp.ts";
import type { Undo } from "./undo.ts";
import { unlimited } from "./unlimited.ts";
import { WindowUse } from "./window-use.ts";

export { type CloseReason, Event };

/**
 * What the sender recovers from: ECN told of congestion and nothing is resent (RFC 3168), RACK found loss (RFC 6582),
 * the timer fired (RFC 5681), or a link died or a packet was too big, which says nothing about congestion.
 */
export type Recovery = "none" | "congestion" | "loss" | "timeout" | "outage";

export interface ConnectionConfig {
  readonly host: Host;
  readonly route: Route;
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly options: TcpOptions;
  readonly isn: number;
  readonly timestampOffset: number;
}

export class Connection {
  readonly host: Host;
  readonly route: Route;
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  options: TcpOptions;
  state: TcpState = "CLOSED";
  /** A slot for whoever drives the stack, and one for the stack itself: what a passive connection came from. */
  user: unknown = null;
  origin: unknown = null;
  error: CloseReason | null = null;
  /** The SYN came from the peer. */
  passive = false;

  readonly sending: SendSide;
  readonly receiving: ReceiveSide;
  readonly timers: Timers = new Timers();
  readonly roundTrip: RoundTrip;
  readonly rack: Rack;
  readonly rate: DeliveryRate = new DeliveryRate();
  readonly controller: CongestionController;
  readonly pacer: Pacer = new Pacer();
  /** Of its own from when ECN was agreed. */
  ecn: EcnState = NO_ECN;
  /** From when its segments were made smaller than agreed. */
  path: PathMtu | null = null;

  // Options agreed in the handshake.
  sackOk = false;
  timestampsOk = false;
  scalingOk = false;
  readonly timestampOffset: number;
  /** TS.Recent, when it was taken, and whether there is one (RFC 7323 §4.3). */
  tsRecent = 0;
  tsRecentAt: number = Number.NEGATIVE_INFINITY;

  // What is due to leave.
  synPending = false;
  ackPending = false;
  resetPending = false;
  /** The SYN-ACK waits for a decision: a gateway opens the real connection first. */
  held = false;
  /** A probe of keepalive: an ACK of something long acknowledged (RFC 9293 §3.8.4). */
  keepAlivePending = false;

  // Loss recovery.
  recovery: Recovery = "none";
  recoveryPoint = -1;
  /** While the window comes down by its rule. */
  prr: Prr | null = null;
  /** What is known of the last reduction of the window, while it may yet be taken back. */
  undo: Undo | null = null;
  readonly tail: TailLossProbe = new TailLossProbe();
  frto: FrtoStep = FrtoStep.off;
  /** The first segment of a recovery leaves whatever the window says (RFC 6582 §3.2 step 3). */
  fastRetransmit = false;
  readonly windowUse: WindowUse = new WindowUse();
  /** Duplicate ACKs of a peer without SACK. */
  duplicateAcks = 0;
  timeouts = 0;
  /** Reductions taken back, and segments that the peer had twice (RFC 2883). */
  spuriousRecoveries = 0;
  duplicatesReported = 0;
  /** Retransmissions of the same data, for R2; retransmissions of the SYN. */
  attempts = 0;
  synAttempts = 0;
  synWentTwice = false;
  /** No round trip sample reaches back across an outage. */
  sampleBarrier = 0;
  /** SACK blocks of the last ACK: what they cover is already in the records. */
  sackSeen: number[] | null = null;

  /** The link on which the SYN, or the answer to it, left last. */
  synLink = -1;
  /** A reliable route: what was sent up to then is lost, unless word of it comes before Timer.pong. */
  answeredUpTo = 0;

  quickAcks: number;
  /** For challenges and for corrections, from the first one on. */
  challengeBudget: AckBudget | null = null;
  correctionBudget: AckBudget | null = null;
  lastHeard = 0;
  lastSent = 0;
  oldestUnacked = 0;
  keepAliveProbes = 0;
  softError: CloseReason | null = null;
  /** IPv4's identification field; without meaning while packets may not be fragmented (RFC 6864). */
  identification = 0;
  segmentsSent = 0;
  segmentsReceived = 0;
  retransmits = 0;

  /** The user called release(): nobody reads any more. */
  released = false;
  private wantsRoom = false;
  private events = 0;

  // Links of the stack's intrusive lists.
  nextReady: Connection | null = null;
  isReady = false;
  nextChanged: Connection | null = null;
  isChanged = false;
  nextInBucket: Connection | null = null;
  heapIndex = -1;
  heapDeadline: number = Number.POSITIVE_INFINITY;

  constructor(config: ConnectionConfig) {
    this.host = config.host;
    this.route = config.route;
    this.local = config.local;
    this.localPort = config.localPort;
    this.remote = config.remote;
    this.remotePort = config.remotePort;
    this.options = config.options;
    this.timestampOffset = config.timestampOffset;
    this.quickAcks = config.options.quickAcks;
    this.sending = new SendSide(sendStart(config.options), config.host.slabs, config.host.records);
    this.sending.isn = config.isn;
    this.receiving = new ReceiveSide(receiveStart(config.options), config.host.memory);
    this.receiving.scale = windowScaleFor(config.options);
    const { initialRto, minRto, maxRto, clockResolution, reorderingWindow } = config.options;
    this.roundTrip = new RoundTrip(initialRto, minRto, maxRto, clockResolution);
    this.rack = new Rack(clockResolution, reorderingWindow);
    this.sending.mss = this.largestSegment();
    const seed = config.isn ^ config.timestampOffset;
    this.controller = this.route.reliable ? unlimited : newController(config.options, this.sending.mss, seed);
  }

  /** What our MSS option says. */
  largestSegment(): number {
    return largestSegment(this.route, this.remote.family, this.options);
  }

  // --- the user's calls (RFC 9293 §3.10.1 to §3.10.5)

  /** Active open. */
  open(now: number): void {
    this.state = "SYN-SENT";
    this.synPending = true;
    this.lastHeard = now;
    this.host.ready(this);
  }

  /** Bytes that receive() would give now. */
  get available(): number {
    return this.receiving.buffer.length;
  }

  /**
   * The next bytes, at most `max`, handed over as a view; undefined when there are none yet, null at the end of the
   * stream. After a reset what arrived before it is still given, then undefined: `error` says why.
   */
  receive(now: number, max: number): Bytes | null | undefined {
    const view = this.receiving.buffer.take(max);
    if (view === null) return this.receiving.finReceived ? null : undefined;
    this.host.memory.used -= view.length;
    if (!canReceive(this.state)) return view;
    if (this.receiving.limit < this.options.receiveBuffer) tuneReceiving(this, now, view.length);
    if (this.receiving.worthTelling(this.sending.mss)) {
      this.ackPending = true;
      this.host.ready(this);
    }
    return view;
  }

  /** As receive(), but the bytes stay; fewer than there are when they came in pieces. */
  peek(max: number): Bytes | null | undefined {
    return this.receiving.buffer.peek(max) ?? (this.receiving.finReceived ? null : undefined);
  }

  /** receive() would not wait: there are bytes, or there will be no more. */
  get readable(): boolean {
    return this.available > 0 || this.receiving.finReceived || this.state === "CLOSED";
  }

  /** send() would take something, or fail. */
  get writable(): boolean {
    return this.room() > 0 ? isSynchronized(this.state) : this.state === "CLOSED";
  }

  /** Neither finish() nor release() was called, and the connection is not over: what is sent may reach the peer. */
  get canSend(): boolean {
    return canQueue(this.state) && this.sending.fin < 0;
  }

  /** Copies data in as far as there is room; the number of bytes taken, 0 when full. */
  send(_now: number, data: Uint8Array): number {
    const count = Math.min(this.room(), data.length);
    if (count > 0) {
      this.sending.buffer.write(data, 0, count);
      this.host.memory.used += count;
      this.host.ready(this);
    }
    if (count < data.length) this.wantsRoom = true;
    return count;
  }

  /** As send(), but keeps the array: all of it while there is any room, so the buffer may be exceeded by one array. */
  sendOwned(_now: number, data: Bytes): number {
    if (this.room() <= 0) {
      this.wantsRoom = true;
      return 0;
    }
    this.sending.buffer.append(data);
    this.host.memory.used += data.length;
    this.host.ready(this);
    return data.length;
  }

  /** Bytes accepted and not yet acknowledged. */
  get unacknowledged(): number {
    return this.sending.buffer.length;
  }

  /** CLOSE of the sending side: FIN after what is queued. */
  finish(_now: number): void {
    if (this.sending.fin >= 0 || !canQueue(this.state)) return;
    this.sending.fin = this.sending.buffer.end;
    this.leaveByFin();
    this.host.ready(this);
  }

  /** CLOSE of both sides: nobody reads any more. What was not read is answered by a reset (RFC 2525 §2.17). */
  release(now: number): void {
    if (this.released) return;
    this.released = true;
    if (this.state === "CLOSED" || this.state === "TIME-WAIT") {
      this.dropUnread();
      return;
    }
    if (this.state === "SYN-SENT") {
      this.abort(now);
      return;
    }
    if (this.receiving.buffer.length > 0 || !this.receiving.reassembly.empty) {
      this.abort(now);
      return;
    }
    this.finish(now);
    if (this.state === "FIN-WAIT-2") this.armFinWait2(now);
  }

  /** ABORT: a reset leaves, everything queued is dropped. */
  abort(_now: number, reason: CloseReason | null = null): void {
    this.released = true;
    if (this.state === "CLOSED" || this.state === "TIME-WAIT") {
      this.dropUnread();
      return;
    }
    // A SYN that has left is taken back too where somebody may be dialling for it: on a reliable route.
    const known = this.state !== "SYN-SENT" || (this.route.reliable && this.sending.next >= 0);
    // When both have sent FIN and no byte is missing there is nothing to take back (§3.10.5).
    const said = this.sending.finSent && this.sending.buffer.length === 0;
    const isOver = said && (this.state === "CLOSING" || this.state === "LAST-ACK");
    this.enterClosed(reason, known && !isOver && !this.route.frozen);
  }

  setOptions(now: number, options: Partial<TcpOptions>): void {
    const before = this.options;
    this.options = withOptions(before, options);
    resizeBuffers(this, before);
    // Until our SYN has left its window scale may still follow the buffer.
    if (this.sending.next < 0 && (this.state === "SYN-SENT" || this.scalingOk))
      this.receiving.scale = windowScaleFor(this.options);
    if (options.keepAlive !== undefined) this.armKeepAlive(now);
    if (options.userTimeout !== undefined && this.timers.isSet(Timer.retransmit)) {
      this.timers.set(Timer.retransmit, this.retransmitAt(now));
      this.host.rearm(this);
    }
    // No-delay or uncork may let small segments go.
    if (isSynchronized(this.state)) this.host.ready(this);
  }

  /** Events since the last call: a mask of Event. */
  takeEvents(): number {
    const events = this.events;
    this.events = 0;
    return events;
  }

  /** The next packet would carry no data: it goes before those that do. */
  get urgent(): boolean {
    if (this.synPending || this.resetPending) return true;
    return this.ackPending && this.sending.records.lostBytes === 0 && !this.sending.hasUnsent;
  }

  /** All that is due is an ACK that may wait a moment for company. */
  get canAckLater(): boolean {
    return canAckLater(this);
  }

  info(now: number): ConnectionInfo {
    return connectionInfo(this, now);
  }

  // --- for the other files of this room and for the stack

  get congestionWindow(): number {
    if (this.route.reliable) return Number.POSITIVE_INFINITY;
    return this.prr === null ? this.controller.window : this.prr.window;
  }

  /** Bytes that the send buffer still takes; none after CLOSE. */
  room(): number {
    if (!this.canSend) return 0;
    return Math.max(0, this.host.memory.allowance(this.sending.limit) - this.sending.buffer.length);
  }

  /** When the retransmission timer fires: after the timeout, but no later than the user timeout allows (RFC 5482). */
  retransmitAt(now: number): number {
    const at = now + this.roundTrip.rto;
    const { userTimeout } = this.options;
    return userTimeout > 0 ? Math.min(at, this.oldestUnacked + userTimeout) : at;
  }

  raise(event: number): void {
    this.events |= event;
    this.host.changed(this);
  }

  /** Room came back, or all is acknowledged. */
  acknowledgedBytes(): void {
    this.offerRoom();
    if (this.sending.buffer.length === 0) this.raise(Event.acked);
  }

  /** To a user who waits for it. A third of the buffer free before the user is woken saves wakes. */
  offerRoom(): void {
    if (!this.wantsRoom) return;
    tuneSending(this);
    if (this.sending.buffer.length > (this.sending.limit * 2) / 3) return;
    this.wantsRoom = false;
    this.raise(Event.writable);
  }

  /** ESTABLISHED: the handshake is over on our side. */
  enterEstablished(now: number): void {
    this.state = "ESTABLISHED";
    this.attempts = 0;
    this.timers.clear(Timer.retransmit);
    this.armKeepAlive(now);
    this.raise(Event.connected);
    if (this.sending.fin >= 0) this.leaveByFin();
    this.host.ready(this);
    this.host.rearm(this);
  }

  /** The peer's FIN is in order: no more will come. */
  enterPeerClosed(now: number): void {
    this.raise(Event.readable);
    if (this.state === "ESTABLISHED" || this.state === "SYN-RECEIVED") this.state = "CLOSE-WAIT";
    else if (this.state === "FIN-WAIT-1") this.state = "CLOSING";
    else if (this.state === "FIN-WAIT-2") {
      this.ackPending = true;
      this.enterTimeWait(now);
    }
  }

  /** Our FIN is acknowledged. */
  enterFinAcknowledged(now: number): void {
    if (this.state === "FIN-WAIT-1") {
      this.state = "FIN-WAIT-2";
      if (this.released) this.armFinWait2(now);
    } else if (this.state === "CLOSING") this.enterTimeWait(now);
    else if (this.state === "LAST-ACK") this.enterClosed(null);
  }

  /**
   * CLOSED, from any state.
   * @param reset a reset is to leave first
   */
  enterClosed(reason: CloseReason | null, reset = false): void {
    if (this.state === "CLOSED") return;
    this.state = "CLOSED";
    this.error = reason;
    this.dropOutput();
    this.resetPending = reset;
    if (this.released) this.dropUnread();
    this.dropEarly();
    this.raise(Event.closed);
    if (reset) this.host.ready(this);
    else this.host.closed(this);
  }

  private enterTimeWait(now: number): void {
    this.state = "TIME-WAIT";
    this.timers.clearAll();
    this.clearSending();
    this.raise(Event.closed);
    this.host.timeWait(now, this);
  }

  /** Bytes that nobody will read any more. */
  private dropUnread(): void {
    this.host.memory.used -= this.receiving.buffer.length;
    this.receiving.buffer.clear();
  }

  private dropEarly(): void {
    this.host.memory.used -= this.receiving.reassembly.length;
    this.receiving.forgetEarly();
  }

  /** State moves when the FIN is queued, not when it leaves: a FIN that cannot leave yet must not look like no CLOSE. */
  private leaveByFin(): void {
    if (this.state === "ESTABLISHED") this.state = "FIN-WAIT-1";
    else if (this.state === "CLOSE-WAIT") this.state = "LAST-ACK";
  }

  private clearSending(): void {
    this.host.memory.used -= this.sending.buffer.length;
    this.sending.clear();
  }

  private dropOutput(): void {
    this.timers.clearAll();
    this.clearSending();
    this.synPending = false;
    this.ackPending = false;
    this.keepAlivePending = false;
    this.host.rearm(this);
  }

  private armFinWait2(now: number): void {
    this.timers.set(Timer.finWait2, now + this.options.finWait2);
    this.host.rearm(this);
  }

  armKeepAlive(now: number): void {
    const keepAlive: KeepAlive | null = this.options.keepAlive;
    // TIME-WAIT has no connection any more, but a record.
    const alive = isSynchronized(this.state) && this.state !== "TIME-WAIT";
    if (keepAlive === null || !alive) this.timers.clear(Timer.keepAlive);
    else this.timers.set(Timer.keepAlive, now + keepAlive.idle);
    this.keepAliveProbes = 0;
    this.host.rearm(this);
  }
}
