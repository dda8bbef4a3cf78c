// The one place that decides: authorize() is asked at every connect, publish, resume, and by the switch at the first
// SYN between two peers to a port. Rules first; a hook of the relay's owner may then still refuse.
import type { IpAddress } from "../core/wire/ip-address.ts";
import type { Principal } from "./principal.ts";
import {
  admits,
  admitsListening,
  admitsPeer,
  matchesName,
  mayAdmit,
  type PeerRule,
  type TcpRule,
} from "./rules.ts";
import { embeddedIpv4, specialRangesOf } from "./special-ranges.ts";

export type Action =
  /** Before a name is looked up: may any address of it be allowed? */
  | { readonly kind: "lookup"; readonly host: string; readonly port: number }
  /** Before dialling. `host` is the name that was asked for, if one was. */
  | {
      readonly kind: "connect";
      readonly host: string | null;
      readonly address: IpAddress;
      readonly port: number;
    }
  | { readonly kind: "publish"; readonly address: IpAddress; readonly port: number }
  /** Before the first SYN of a tunnel to a port of another. */
  | { readonly kind: "peer"; readonly name: string; readonly subject: string; readonly port: number }
  /** Before a tunnel takes a name. */
  | { readonly kind: "name"; readonly name: string }
  /** Before a link comes back to a session. */
  | { readonly kind: "resume"; readonly name: string };

export interface Decision {
  readonly allowed: boolean;
  /** The rule that allowed it, or the word for why none did. */
  readonly rule: string;
  /** Why not. */
  readonly text: string;
}

/** The owner's hook: runs after the rules allowed the action, and may refuse it. */
export type Authorize = (principal: Principal, action: Action) => Decision | Promise<Decision>;

export interface PolicyOptions {
  readonly egress: readonly TcpRule[];
  readonly publish: readonly TcpRule[];
  readonly peers: readonly PeerRule[];
  readonly authorize: Authorize | null;
  /** Addresses of this machine: dialling them reaches what is meant to be behind it. */
  readonly ownAddresses: () => readonly IpAddress[];
}

export class Policy {
  private readonly options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.options = options;
  }

  /** A promise only when the owner's hook gives one. Never throws: a hook that fails denies. */
  authorize(principal: Principal, action: Action): Decision | Promise<Decision> {
    const decision = this.decide(principal, action);
    const hook = this.options.authorize;
    if (!decision.allowed || hook === null) return decision;
    try {
      const answer: unknown = hook(principal, action);
      return isThenable(answer)
        ? Promise.resolve(answer).then(asDecision, () => hookFailed)
        : asDecision(answer);
    } catch {
      return hookFailed;
    }
  }

  private decide(principal: Principal, action: Action): Decision {
    switch (action.kind) {
      case "lookup":
        return this.decideLookup(principal.egress ?? this.options.egress, action.host, action.port);
      case "connect":
        return this.decideConnect(principal.egress ?? this.options.egress, action);
      case "publish":
        return this.decidePublish(principal.publish ?? this.options.publish, action.address, action.port);
      case "peer":
        return this.decidePeer(principal.peers ?? this.options.peers, action.name, action.port);
      case "name":
        if (
          principal.names === null ||
          principal.names.some((pattern) => matchesName(pattern, action.name))
        ) {
          return allow("names");
        }
        return deny(
          "names",
          `the name ${action.name} is not one that ${principal.subject} may take: ${principal.names.join(", ") || "none"}`,
        );
      case "resume":
        return allow("resume");
    }
  }

  private decideLookup(rules: readonly TcpRule[], host: string, port: number): Decision {
    const rule = rules.find((candidate) => mayAdmit(candidate, host, port));
    return rule === undefined
      ? deny("egress", `no rule of the relay allows ${host}:${port}`)
      : allow(rule.text);
  }

  private decideConnect(rules: readonly TcpRule[], action: Action & { kind: "connect" }): Decision {
    const { host, address, port } = action;
    const rule = this.ruleFor(rules, host, address, port);
    if (rule === null) {
      const range = specialRangesOf(address)[0];
      if (range !== undefined) {
        const what = host === null ? `${address}:${port}` : `${host}:${port}`;
        return deny(range.name, `no rule of the relay names ${what}, a ${range.name} address`);
      }
      if (this.isOwn(address))
        return deny("own-address", "no rule of the relay names this address of its machine");
      return deny("egress", `no rule of the relay allows ${host ?? address}:${port}`);
    }
    // An IPv6 address that a translator turns into an IPv4 one is both: each must be allowed.
    for (const inner of embeddedIpv4(address)) {
      if (this.ruleFor(rules, host, inner, port) === null) {
        const range = specialRangesOf(inner)[0]?.name ?? "egress";
        return deny(range, `no rule of the relay allows the address inside ${address}`);
      }
    }
    return allow(rule.text);
  }

  private ruleFor(
    rules: readonly TcpRule[],
    host: string | null,
    address: IpAddress,
    port: number,
  ): TcpRule | null {
    const isOwn = specialRangesOf(address).length === 0 && this.isOwn(address);
    const whole = address.family === 4 ? 32 : 128;
    for (const rule of rules) {
      if (admits(rule, host, address, port) && (!isOwn || rule.prefix?.length === whole)) return rule;
    }
    return null;
  }

  private isOwn(address: IpAddress): boolean {
    return this.options.ownAddresses().some((own) => own.equals(address));
  }

  private decidePublish(rules: readonly TcpRule[], address: IpAddress, port: number): Decision {
    const rule = rules.find((candidate) => admitsListening(candidate, address, port));
    return rule === undefined
      ? deny("publish", `no rule of the relay lets a tunnel publish at ${address} port ${port}`)
      : allow(rule.text);
  }

  private decidePeer(rules: readonly PeerRule[], name: string, port: number): Decision {
    const rule = rules.find((candidate) => admitsPeer(candidate, name, port));
    return rule === undefined
      ? deny("peers", `no rule of the relay allows ${name}.peer:${port}`)
      : allow(rule.text);
  }
}

export function allow(rule: string): Decision {
  return { allowed: true, rule, text: "" };
}

export function deny(rule: string, text: string): Decision {
  return { allowed: false, rule, text };
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { readonly then?: unknown } | null)?.then === "function";
}

/** What comes from JavaScript may be anything: what says neither yes nor no denies. */
function asDecision(answer: unknown): Decision {
  const { allowed, rule, text } = (answer ?? {}) as { readonly [Key in keyof Decision]?: unknown };
  if (typeof allowed !== "boolean") return hookFailed;
  const why = allowed ? "" : "the owner of the relay does not allow it";
  return {
    allowed,
    rule: typeof rule === "string" ? rule : "authorize",
    text: typeof text === "string" ? text : why,
  };
}

const hookFailed: Decision = deny("authorize", "the relay could not decide");
