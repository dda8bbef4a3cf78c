// The gateway of one session: a SYN to any address is a request to dial it (DESIGN §5). The real connection is
// opened first, and the handshake completed only then; what goes wrong is told by `failed` before the RST. An abort of
// the client while the dial is open cancels it.
import type { ConnectionSource } from "../core/link/connection-source.ts";
import type { ForwardRequest } from "../core/link/stack.ts";
import { NetError } from "../core/net/net-error.ts";
import { pipe } from "../core/net/pipe.ts";
import { TcpStream } from "../core/net/tcp-stream.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { SessionType } from "../tunnel/control-types.ts";
import { writeFailed, writeOpened } from "../tunnel/flow-messages.ts";
import type { Resolve } from "../tunnel/name-messages.ts";
import { type DialFailure, dial } from "./dial.ts";
import { readTarget, type Target } from "./host-name.ts";
import type { Hub } from "./hub.ts";
import { PendingDials } from "./pending-dials.ts";
import type { RelaySession } from "./session.ts";
import { TokenBucket } from "./token-bucket.ts";

interface Refused {
  readonly code: string;
  readonly text: string;
}

export class SessionGateway {
  private readonly hub: Hub;
  private readonly session: RelaySession;
  /** What handles stand for; a refused binding is kept, so that its SYN fails with the same reason. */
  private handles: Map<string, Target | Refused> | null = null;
  private dials: PendingDials | null = null;
  private readonly rate: TokenBucket;
  private streams = 0;

  constructor(hub: Hub, session: RelaySession) {
    this.hub = hub;
    this.session = session;
    this.rate = new TokenBucket(hub.limits.connectRate, hub.limits.connectBurst, hub.clock.now());
  }

  /** Streams of this session, both ways, and dials. */
  get count(): number {
    return this.streams;
  }

  /** Handles that are bound. */
  get handleCount(): number {
    return this.handles?.size ?? 0;
  }

  /** Binds a name to a handle. What is refused is told, and the next SYN to the handle fails with it. */
  bind(resolve: Resolve): Refused | null {
    const { handle } = resolve;
    if (!this.hub.addresses.handles.contains(handle)) {
      return { code: "EINVAL", text: `${handle} is not an address of the handles` };
    }
    const key = handle.toString();
    this.handles ??= new Map();
    if (!this.handles.has(key) && this.handles.size >= this.hub.limits.handles) {
      return { code: "ERR_LIMIT", text: `more than ${this.hub.limits.handles} names are bound` };
    }
    const target = readTarget(resolve.name);
    const bound = typeof target === "string" ? { code: "EINVAL", text: target } : target;
    this.handles.set(key, bound);
    return "code" in bound ? bound : null;
  }

  /** A SYN of the client to an address that is no peer's. */
  request(request: ForwardRequest, source: ConnectionSource): void {
    const { connection } = request;
    const { hub } = this;
    const target = this.targetOf(connection.local);
    const limited = this.limited();
    if (limited !== null) {
      hub.counters.dialsLimited++;
      this.fail(request, limited);
      return;
    }
    if ("code" in target) {
      hub.counters.dialsFailed++;
      this.fail(request, { ...target, rule: undefined, retryAfter: undefined });
      return;
    }
    this.dials ??= new PendingDials(hub.clock, hub.limits.dialTime);
    const { dials } = this;
    const signal = dials.begin(request);
    // Rejects when the client gives up; a refusal of ours comes here too, when the dial is settled.
    source.connected().catch(() => this.cancelled(request));
    this.opened();
    hub.counters.dials++;
    const started = hub.clock.now();
    dial(hub, this.session.principal, { target, port: connection.localPort, signal }).then(
      (real) => {
        hub.metrics.observe("dial", (hub.clock.now() - started) / 1_000);
        if (this.settled(dials, request)) this.admit(request, source, real);
        else real.abort();
      },
      (error: DialFailure) => {
        if (!this.settled(dials, request)) return;
        this.closed();
        if (error.code === "ERR_DENIED") hub.counters.dialsDenied++;
        else hub.counters.dialsFailed++;
        this.fail(request, error);
      },
    );
  }

  /** There is an answer. False: the client has given up before. */
  private settled(dials: PendingDials, request: ForwardRequest): boolean {
    const isSettled = dials.settled(request);
    if (dials.size === 0 && dials === this.dials) this.dials = null;
    return isSettled;
  }

  /** The client may have given up before there was an answer. */
  private cancelled(request: ForwardRequest): void {
    if (!this.dials?.abort(request, new NetError("ECONNABORTED", "The client gave up"))) return;
    this.closed();
    this.hub.counters.dialsCancelled++;
  }

  /** Counts a stream that did not begin here: of a published port. */
  opened(): void {
    this.streams++;
    this.hub.counters.streams++;
  }

  closed(): void {
    this.streams--;
    this.hub.counters.streams--;
  }

  /** Why no more streams may begin now; null when they may. */
  limited(): DialFailure | null {
    const { limits, counters, clock } = this.hub;
    const because = (text: string, retryAfter: number): DialFailure => ({
      code: "ERR_LIMIT",
      text,
      rule: undefined,
      retryAfter,
    });
    if (this.streams >= limits.streams)
      return because(`more than ${limits.streams} streams of this tunnel`, 1_000);
    if (counters.streams >= limits.streamsInAll)
      return because("the relay has all the streams it takes", 1_000);
    if ((this.dials?.size ?? 0) >= limits.dials)
      return because(`more than ${limits.dials} dials without an answer`, 1_000);
    const now = clock.now();
    if (!this.rate.take(now)) {
      return because(`more than ${limits.connectRate} connects in a second`, this.rate.wait(now));
    }
    return null;
  }

  /** Joins a stream of the tunnel with a real one, for as long as both live. Takes over the count of opened(). */
  join(source: ConnectionSource, real: TcpStream): void {
    const { hub } = this;
    const stream = TcpStream.over(source);
    pipe(stream, real, { resetDelay: resetFlushTime })
      .then(
        (result) => {
          hub.counters.bytesFromTunnels += result.aToB;
          hub.counters.bytesToTunnels += result.bToA;
        },
        () => {},
      )
      .finally(() => this.closed());
  }

  /** The session is over: what is still dialling is given up. Streams end with the stack. */
  end(): void {
    for (const request of this.dials?.requests ?? []) this.cancelled(request);
    this.handles = null;
  }

  private admit(request: ForwardRequest, source: ConnectionSource, real: TcpStream): void {
    const { connection } = request;
    const { peerAddr } = real;
    this.hub.counters.dialsOpened++;
    // Who dials an address knows whom it reaches.
    if (this.literalOf(connection.local).toString() !== peerAddr.hostname) {
      this.session.sendControl(
        SessionType.opened,
        writeOpened({
          local: connection.remotePort,
          address: connection.local,
          port: connection.localPort,
          name: undefined,
          subject: undefined,
          peerHost: peerAddr.hostname,
          peerPort: peerAddr.port,
        }),
      );
    }
    this.session.driver.admit(request);
    this.join(source, real);
  }

  private fail(request: ForwardRequest, failure: DialFailure): void {
    const { connection } = request;
    this.session.sendControl(
      SessionType.failed,
      writeFailed({
        local: connection.remotePort,
        address: connection.local,
        port: connection.localPort,
        code: failure.code,
        text: failure.text,
        rule: failure.rule,
        retryAfter: failure.retryAfter,
      }),
    );
    this.session.driver.refuse(request, refusalOf(failure.code));
  }

  /** What a packet's destination stands for. */
  private targetOf(address: IpAddress): Target | Refused {
    const { addresses } = this.hub;
    if (addresses.handles.contains(address)) {
      return (
        this.handles?.get(address.toString()) ?? {
          code: "ENOTFOUND",
          text: "no name is bound to this handle",
        }
      );
    }
    if (address.equals(addresses.gateway)) {
      return { code: "ECONNREFUSED", text: "the gateway itself has no services" };
    }
    return { host: null, address: this.literalOf(address) };
  }

  /** Of a destination that stands for itself. */
  private literalOf(address: IpAddress): IpAddress {
    return this.hub.addresses.ipv4.extractIpv4(address) ?? address.toIpv4() ?? address;
  }
}

/** ICMP where it says the same; a reset else. Either ends the client's SYN at once. */
function refusalOf(code: string): "reset" | "host-unreachable" | "net-unreachable" | "prohibited" {
  switch (code) {
    case "EHOSTUNREACH":
      return "host-unreachable";
    case "ENETUNREACH":
      return "net-unreachable";
    case "ERR_DENIED":
      return "prohibited";
    default:
      return "reset";
  }
}

/** Milliseconds that bytes before a reset may take to be acknowledged (DESIGN §5). */
const resetFlushTime = 5_000;
