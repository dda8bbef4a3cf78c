// Runs a stack over links. A turn: messages arrive and their packets go into the stack, each stamped with the arrival
// of its message; events wake readers and writers at once; the application runs in microtasks; and at the end of the
// turn everything that all of them produced, ACKs and data, leaves in as few messages as possible.
// Timers and turns come from the Clock; nothing here allocates for a packet.

import { failure, type NetError, SocketAddr, type Timers } from "../net/index.ts";
import {
  type Connection,
  type ForwardRequest,
  type Refusal,
  type Route,
  type Stack,
  StackError,
} from "../stack/index.ts";
import type { Bytes } from "../wire/bytes.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { acknowledgeAll } from "./acknowledge-all.ts";
import { type Clock, type Micros, systemClock, type TimerHandle } from "./clock.ts";
import { ConnectionListener } from "./connection-listener.ts";
import { ConnectionSource, type SourceOwner, socketAddr } from "./connection-source.ts";
import type { ControlMessage } from "./control-codec.ts";
import {
  type AttachOptions,
  type DialOptions,
  type DialTarget,
  type DriverLimits,
  type DriverOptions,
  defaultDriverLimits,
  type ListenTarget,
  tcpOptions,
  timersOf,
} from "./driver-options.ts";
import { ConnectionFlow, type Flow, SourceFlow } from "./flow.ts";
import { type Link, LinkCloseCode, type LinkClosed } from "./link.ts";
import { LinkPort, type PortOwner } from "./link-port.ts";
import { MessageMemory } from "./message-writer.ts";
import { pump } from "./pump.ts";
import { type RouteState, RouteStates } from "./route-state.ts";
import { sendStrays } from "./send-strays.ts";
import type { TransmitSource } from "./transmit-source.ts";

export class Driver implements SourceOwner, PortOwner {
  readonly stack: Stack;
  readonly clock: Clock;
  /** @internal For the timeouts of calls; undefined: the runtime's. */
  readonly timers: Timers | undefined;
  /** As DriverOptions.transit; a PacketBridge sets it while the driver runs. */
  transit: DriverOptions["transit"] | null;
  private readonly options: DriverOptions;
  private readonly limits: DriverLimits;
  private readonly memory: MessageMemory;
  private readonly ports: LinkPort[] = [];
  private readonly routes: RouteStates;
  private listeners: Set<ConnectionListener> | null = null;
  private sources: WeakMap<TransmitSource, SourceFlow> | null = null;
  private nextId: number = 1;
  private isClosed: boolean = false;
  /** The time of this turn; true while its end is to come. */
  private now: Micros = 0;
  private isTurn: boolean = false;
  private isDispatching: boolean = false;
  /** Until when what may wait for company waits; infinity: nothing does. */
  private waitsUntil: Micros = Number.POSITIVE_INFINITY;
  private timer: TimerHandle | null = null;
  private timerAt: Micros = Number.POSITIVE_INFINITY;
  /** Streams and listeners, and how many of them keep the process alive. */
  private holders: number = 0;
  private refs: number = 0;
  private areLinksRef: boolean = true;
  private readonly endTurn: () => void;
  private readonly timerFired: () => void;
  private readonly timeoutDue: () => void;

  constructor(options: DriverOptions) {
    this.options = options;
    this.stack = options.stack;
    this.routes = new RouteStates(options.stack);
    this.clock = options.clock ?? systemClock;
    this.timers = this.clock === systemClock ? undefined : timersOf(this.clock);
    this.transit = options.transit;
    this.limits =
      options.limits === undefined ? defaultDriverLimits : { ...defaultDriverLimits, ...options.limits };
    this.memory = options.memory ?? (sharedMemory ??= new MessageMemory());
    this.endTurn = () => {
      if (this.isTurn) this.flush();
    };
    this.timerFired = () => {
      this.timer = null;
      this.timerAt = Number.POSITIVE_INFINITY;
      // After a blocked loop Node runs timers before it reads what is queued: ACKs that are here must not look late.
      this.clock.defer(this.timeoutDue);
    };
    this.timeoutDue = () => {
      if (this.isClosed) return;
      this.now = this.clock.now();
      this.stack.timeout(this.now);
      this.flush();
    };
  }

  // --- links

  /** Starts a link and runs routes over it. They are thawed: every connection says where it is and resends. */
  attach(link: Link, { routes, receiveCap }: AttachOptions): LinkPort {
    this.touch();
    const port = new LinkPort(this, {
      id: this.nextId++,
      link,
      now: this.now,
      receiveCap,
      highWater: this.limits.highWater,
      controlBytes: this.limits.controlBytes,
      memory: this.memory,
    });
    this.ports.push(port);
    for (const route of routes) {
      const state = this.routes.of(route);
      state.ports.push(port);
      state.inquiry.linkAdded();
      port.routes.push(state);
      if (route.reliable) port.rings.rings.push(state.ring);
      else
        for (let flow = state.ring.takeAny(); flow !== null; flow = state.ring.takeAny()) this.schedule(flow);
      this.settleRoute(state);
    }
    if (!this.areLinksRef) link.unref?.();
    link.start(port);
    return port;
  }

  /** Closes a link: what was on it is lost, and routes that have no other freeze. onLinkClosed is not called. */
  detach(port: LinkPort, reason: LinkClosed = {}): void {
    if (port.isClosed) return;
    this.drop(port);
    port.link.close(reason.code ?? LinkCloseCode.normal, reason.reason ?? "");
  }

  /** Stops the timers of a route although it may have links, until thaw(): the other side is detached. */
  freeze(route: Route): void {
    const state = this.routes.of(route);
    state.isHeld = true;
    this.settleRoute(state);
  }

  /** Undoes freeze(). The route goes on when it has a link. */
  thaw(route: Route): void {
    const state = this.routes.of(route);
    state.isHeld = false;
    this.settleRoute(state);
  }

  /** Whether the host at this address is away: connections with it stand still then, links or not. */
  setAway(remote: IpAddress, isAway: boolean): void {
    if (isAway) this.stack.hold(this.touch(), remote);
    else this.stack.release(this.touch(), remote);
  }

  /** Whether links, and what brings them back, keep the process alive now. */
  get keepsAlive(): boolean {
    return this.areLinksRef;
  }

  /** The ports that carry a route now. */
  portsOf(route: Route): readonly LinkPort[] {
    return this.routes.of(route).ports;
  }

  /** Puts a source from outside into the ring of a port; harmless while it is in. When the port goes, it is out. */
  offer(source: TransmitSource, port: LinkPort): void {
    if (port.isClosed) return;
    this.sources ??= new WeakMap();
    let flow = this.sources.get(source);
    if (flow === undefined) {
      flow = new SourceFlow(source);
      this.sources.set(source, flow);
    }
    port.ring.add(flow);
    this.wake();
  }

  /** There may be something to send: at the end of this turn it is. */
  wake(): void {
    if (this.isTurn) return;
    this.isTurn = true;
    this.clock.defer(this.endTurn);
  }

  // --- connections

  /**
   * Begins a connection; source.connected() tells how it went.
   *
   * @throws {NetError} ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE, EINVAL, ERR_LIMIT; ERR_SOCKET_CLOSED after close().
   */
  dial(target: DialTarget, options: DialOptions = {}): ConnectionSource {
    const { remote, remotePort, local, localPort, peerAddr = socketAddr(remote, remotePort) } = target;
    if (this.isClosed) throw failure("ERR_SOCKET_CLOSED", { op: "connect", peerAddr });
    try {
      const connection = this.stack.connect(this.touch(), {
        remote,
        remotePort,
        tcp: tcpOptions(options),
        local,
        localPort,
      });
      return this.adopt(connection, peerAddr, false);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      throw failure(error.code, { op: "connect", peerAddr, reason: error.message, cause: error });
    }
  }

  /**
   * Listens on a port of the stack. The options are those of its connections.
   *
   * @throws {NetError} EADDRINUSE, EADDRNOTAVAIL, EINVAL; ERR_SOCKET_CLOSED after close().
   */
  listen(target: ListenTarget, options: DialOptions = {}): ConnectionListener {
    const { address, port, backlog = 511 } = target;
    const localAddr = new SocketAddr(address?.toString() ?? "", port);
    if (this.isClosed) throw failure("ERR_SOCKET_CLOSED", { op: "bind", localAddr });
    try {
      const listener = this.stack.listen(this.touch(), { address, port, backlog, tcp: tcpOptions(options) });
      const source = new ConnectionListener(
        this,
        listener,
        (connection) => this.adopt(connection, null, true),
        (closed) => this.listeners?.delete(closed),
      );
      listener.user = source;
      this.listeners ??= new Set();
      this.listeners.add(source);
      return source;
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      throw failure(error.code, { op: "bind", localAddr, reason: error.message, cause: error });
    }
  }

  /** Completes the handshake of a forward request. False: the peer has given up meanwhile. */
  admit(request: ForwardRequest, options: DialOptions = {}): boolean {
    return this.stack.admit(this.touch(), request, tcpOptions(options));
  }

  /** Turns a forward request down. */
  refuse(request: ForwardRequest, how: Refusal): void {
    this.stack.refuse(this.touch(), request, how);
  }

  /** Resets all connections, ends listeners, sends what that leaves to say, and closes the links. Idempotent. */
  close(error?: NetError, reason: LinkClosed = {}): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.now = this.clock.now();
    for (const listener of [...(this.listeners ?? [])]) listener.fail(closedBy(error, listener.localAddr));
    this.stack.abortAll(this.now, error?.code ?? "ECONNABORTED", error?.message ?? "the network was closed");
    this.flush();
    for (const port of [...this.ports]) this.detach(port, reason);
    this.dispatch();
    this.disarm();
  }

  // --- a turn

  /** @internal The time of this turn, which has an end: for calls that may leave something to send. */
  touch(): Micros {
    if (!this.isTurn) {
      this.now = this.clock.now();
      this.wake();
    }
    return this.now;
  }

  private flush(): void {
    this.isTurn = false;
    const now = (this.now = this.clock.now());
    this.dispatch();
    for (let route = this.stack.takePingWanted(); route !== null; route = this.stack.takePingWanted()) {
      this.routes.of(route).inquiry.begin(now);
    }
    for (let ready = this.stack.takeReady(); ready !== null; ready = this.stack.takeReady()) {
      this.schedule(this.flowOf(ready));
    }
    if (this.mayWait(now)) {
      for (const port of this.ports) port.onIdle();
      this.arm();
      return;
    }
    this.waitsUntil = Number.POSITIVE_INFINITY;
    for (const port of this.ports) {
      if (port.owesPong && acknowledgeAll(port, now)) port.answer(now);
      port.begin(now);
    }
    sendStrays(this.stack, this.routes, now);
    pump(this.ports, now);
    this.dispatch();
    this.arm();
  }

  /**
   * Only ACKs and word of a little data are due: the answer of the application, or of the server behind it, is often a
   * moment away, and a message of their own costs both ends more than what they tell.
   */
  private mayWait(now: Micros): boolean {
    if (now >= this.waitsUntil || this.isClosed || this.stack.hasPackets) return false;
    let hasWork = false;
    for (const port of this.ports) {
      if (!port.canWait) return false;
      hasWork ||= port.hasWork;
    }
    if (hasWork && this.waitsUntil === Number.POSITIVE_INFINITY) this.waitsUntil = now + LONGEST_WAIT;
    return hasWork;
  }

  /** Wakes whoever waits for what happened. Their calls back into the stack may make more happen. */
  private dispatch(): void {
    if (this.isDispatching) return;
    this.isDispatching = true;
    const { stack } = this;
    try {
      for (;;) {
        const changed = stack.takeChanged();
        if (changed === null) break;
        const events = changed.takeEvents();
        (changed.user as ConnectionFlow | null)?.source?.dispatch(events);
      }
      for (let request = stack.takeRequest(); request !== null; request = stack.takeRequest()) {
        this.takeRequest(request);
      }
      for (let listener = stack.takeAcceptable(); listener !== null; listener = stack.takeAcceptable()) {
        (listener.user as ConnectionListener | null)?.acceptable();
      }
    } finally {
      this.isDispatching = false;
    }
  }

  private takeRequest(request: ForwardRequest): void {
    if (this.options.request === undefined) {
      this.stack.refuse(this.now, request, "reset");
      return;
    }
    this.options.request(request, this.adopt(request.connection, null, false));
  }

  private arm(): void {
    const deadline = Math.min(this.stack.nextDeadline(), this.waitsUntil);
    if (this.isClosed) return;
    if (deadline === Number.POSITIVE_INFINITY) {
      // A timer that is about to be wanted again costs less when it is left alone.
      if (this.holders === 0) this.disarm();
      return;
    }
    if (deadline >= this.timerAt) return;
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timerAt = deadline;
    this.timer = this.clock.schedule(deadline, this.timerFired);
    if (this.refs === 0) this.clock.unref?.(this.timer);
  }

  private disarm(): void {
    if (this.timer !== null) this.clock.cancel(this.timer);
    this.timer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  // --- flows

  private schedule(flow: Flow): void {
    if (!(flow instanceof ConnectionFlow)) return;
    const { state } = flow;
    if (state.route.reliable) {
      state.ring.add(flow);
      return;
    }
    if (flow.port === null || flow.port.isClosed) flow.port = state.nextPort(this.now);
    (flow.port?.ring ?? state.ring).add(flow);
  }

  private flowOf(connection: Connection): ConnectionFlow {
    let flow = connection.user as ConnectionFlow | null;
    if (flow === null) {
      flow = new ConnectionFlow(this.stack, connection, this.routes.of(connection.route as Route));
      connection.user = flow;
    }
    return flow;
  }

  private adopt(connection: Connection, peerAddr: SocketAddr | null, isConnected: boolean): ConnectionSource {
    const flow = this.flowOf(connection);
    flow.source ??= new ConnectionSource(this, connection, peerAddr, isConnected);
    return flow.source;
  }

  // --- links come and go

  private settleRoute(state: RouteState): void {
    const now = this.touch();
    if (state.isHeld || state.ports.length === 0) this.stack.freeze(now, state.route);
    // A thaw resends everything in flight: nothing of that is lost when a link is added to a route that has one.
    else if (state.route.frozen) this.stack.thaw(now, state.route);
  }

  private drop(port: LinkPort): void {
    const now = this.touch();
    port.isClosed = true;
    this.ports.splice(this.ports.indexOf(port), 1);
    this.stack.linkDied(now, port.id);
    for (const state of port.routes) {
      state.ports.splice(state.ports.indexOf(port), 1);
      state.inquiry.linkLost(now, port);
      if (state.ports.length === 0) this.settleRoute(state);
    }
    for (let flow = port.ring.takeAny(); flow !== null; flow = port.ring.takeAny()) this.schedule(flow);
  }

  private setLinksRef(): void {
    const on = this.refs > 0 || this.holders === 0;
    if (on !== this.areLinksRef) {
      this.areLinksRef = on;
      for (const { link } of this.ports) {
        if (on) link.ref?.();
        else link.unref?.();
      }
    }
    if (this.timer === null) return;
    if (this.refs > 0) this.clock.ref?.(this.timer);
    else this.clock.unref?.(this.timer);
  }

  // --- what streams, listeners and ports ask of it

  /** @internal */
  held(refs: number, sources: number): void {
    this.refs += refs;
    this.holders += sources;
    this.setLinksRef();
  }

  /** @internal */
  messageBegins(): Micros {
    this.wake();
    return (this.now = this.clock.now());
  }

  /** @internal */
  packet(port: LinkPort, bytes: Bytes, start: number, end: number): void {
    if (this.transit?.(bytes, start, end, port)) return;
    this.stack.input(this.now, bytes, start, end, port.id);
  }

  /** @internal */
  control(port: LinkPort, type: number, message: ControlMessage): void {
    this.options.control?.(port, type, message);
  }

  /** @internal */
  acknowledged(port: LinkPort, number: number): void {
    this.options.acknowledged?.(port, number);
  }

  /** @internal */
  messageEnds(): void {
    this.dispatch();
  }

  /** @internal */
  pong(port: LinkPort, sentAt: Micros): void {
    for (const { inquiry } of port.routes) inquiry.answered(this.now, port, sentAt);
  }

  /** @internal */
  protocolError(port: LinkPort, text: string): void {
    this.options.onProtocolError?.(port, text);
    const reason = { code: LinkCloseCode.protocolError, reason: text };
    this.detach(port, reason);
    this.options.onLinkClosed?.(port, reason);
  }

  /** @internal */
  closed(port: LinkPort, reason: LinkClosed): void {
    this.drop(port);
    if (reason.code === LinkCloseCode.overload) port.link.close(reason.code, reason.reason);
    this.options.onLinkClosed?.(port, reason);
    this.dispatch();
  }
}

/** What accept() of a listener says once its network is closed. */
function closedBy(cause: NetError | undefined, localAddr: SocketAddr): NetError {
  const reason = "the network was closed";
  return failure(cause?.code ?? "ERR_SOCKET_CLOSED", { op: "accept", localAddr, reason, cause });
}

let sharedMemory: MessageMemory | null = null;

/** How long ACKs of little data wait for company: about what a server on the same machine needs to answer. */
const LONGEST_WAIT: Micros = 2_000;
