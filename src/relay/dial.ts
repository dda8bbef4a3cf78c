// Opens a real connection for a tunnel: name rules, lookup, a check of every address, and a race of those that
// passed (RFC 8305). The address that was checked is the address that is dialled, so a name that changes in between
// (rebinding) gains nothing.
import type { Clock } from "../core/link/clock.ts";
import { happyEyeballs, interleaveFamilies } from "../core/net/happy-eyeballs.ts";
import { NetError } from "../core/net/net-error.ts";
import { reasonOf } from "../core/net/net-error-messages.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import type { TcpStream } from "../core/net/tcp-stream.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import type { Target } from "./host-name.ts";
import type { Hub } from "./hub.ts";
import type { Decision } from "./policy.ts";
import type { Principal } from "./principal.ts";

export interface DialRequest {
  readonly target: Target;
  readonly port: number;
  /** Aborted to give the dial up; with ETIMEDOUT when its time is over. */
  readonly signal: AbortSignal;
}

/** Why there is no connection, as the client is told. */
export interface DialFailure {
  readonly code: string;
  readonly text: string;
  readonly rule: string | undefined;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

/** Rejects with a DialFailure. */
export async function dial(hub: Hub, principal: Principal, request: DialRequest): Promise<TcpStream> {
  const { signal } = request;
  try {
    const addresses = await admitted(hub, principal, request, signal);
    const open = (address: IpAddress, attempt: AbortSignal): Promise<TcpStream> =>
      hub.network.connect(new SocketAddr(address.toString(), request.port), {
        signal: attempt,
        noDelay: true,
        keepAlive: true,
      });
    if (addresses.length === 1) return await open(addresses[0], signal);
    return await happyEyeballs({
      addresses: interleaveFamilies(addresses),
      dial: open,
      discard: (late) => late.abort(),
      delay: (milliseconds, over) => delay(hub.clock, milliseconds, over),
      signal,
      target: request.target.host ?? "the destination",
    });
  } catch (error) {
    throw toFailure(error, request, hub.limits.dialTime);
  }
}

/** The addresses that policy allows to dial, at least one. */
async function admitted(
  hub: Hub,
  principal: Principal,
  request: DialRequest,
  signal: AbortSignal,
): Promise<IpAddress[]> {
  const { target, port } = request;
  if (target.host === null) {
    const action = { kind: "connect", host: null, address: target.address, port } as const;
    const decision = await withSignal(hub.policy.authorize(principal, action), signal);
    if (!decision.allowed) throw denied(decision);
    return [target.address];
  }
  // A name that no rule can admit is not looked up: the lookup itself would tell something.
  const { host } = target;
  const lookup = await withSignal(hub.policy.authorize(principal, { kind: "lookup", host, port }), signal);
  if (!lookup.allowed) throw denied(lookup);
  const found = await withSignal(hub.resolver.resolve(host, { signal }), signal);
  const allowed: IpAddress[] = [];
  let refused: Decision | null = null;
  for (const text of found.slice(0, mostAddresses)) {
    const parsed = IpAddress.parse(text)?.withoutZone();
    if (parsed === undefined) continue;
    const address = parsed.toIpv4() ?? parsed;
    const action = { kind: "connect", host, address, port } as const;
    const decision = await withSignal(hub.policy.authorize(principal, action), signal);
    if (decision.allowed) allowed.push(address);
    else refused ??= decision;
  }
  if (allowed.length > 0) return allowed;
  if (refused !== null) throw denied(refused);
  throw new NetError("ENOTFOUND", `${host} has no address`);
}

class Denied extends Error {
  readonly decision: Decision;

  constructor(decision: Decision) {
    super(decision.text);
    this.decision = decision;
  }
}

function denied(decision: Decision): Denied {
  return new Denied(decision);
}

function toFailure(error: unknown, request: DialRequest, dialTime: number): DialFailure {
  if (error instanceof Denied) {
    const { rule, text } = error.decision;
    return { code: "ERR_DENIED", text, rule, retryAfter: undefined };
  }
  if (!NetError.is(error)) {
    return {
      code: "EHOSTUNREACH",
      text: "the relay could not connect",
      rule: undefined,
      retryAfter: undefined,
    };
  }
  const target = request.target.host ?? request.target.address.toString();
  const text = error.code === "ETIMEDOUT" ? `no answer within ${dialTime} ms` : textOf(error.code, target);
  return { code: error.code, text, rule: undefined, retryAfter: error.retryAfter };
}

/** Never the error's own message: it may name addresses that the client need not learn. */
function textOf(code: string, target: string): string {
  if (code === "ENOTFOUND") return `the name ${target} was not found`;
  return reasonOf(code);
}

function delay(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.schedule(clock.now() + milliseconds * 1_000, resolve);
    signal.addEventListener("abort", () => clock.cancel(timer), { once: true });
  });
}

/** Also what an owner's hook or resolver takes too long for must end. */
function withSignal<T>(work: T | Promise<T>, signal: AbortSignal): T | Promise<T> {
  if (!(work instanceof Promise)) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}

/** A name with more addresses is tried at its first ones. */
const mostAddresses = 16;
