// Which ports of which peers a session may reach: the policy's answers, kept for as long as both sessions live. The
// packets of a connection are let through in both directions once its first SYN was.
import type { Decision } from "./policy.ts";

/** What a session knows of one other session. */
export class PeerAccess {
  private readonly decisions = new Map<number, Decision | "pending">();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The decision for dialling this port of the peer, if there is one. */
  get(port: number): Decision | "pending" | undefined {
    return this.decisions.get(port);
  }

  set(port: number, decision: Decision | "pending"): void {
    this.decisions.set(port, decision);
    if (this.decisions.size <= this.limit) return;
    for (const oldest of this.decisions.keys()) {
      this.decisions.delete(oldest);
      break;
    }
  }

  allows(port: number): boolean {
    const decision = this.decisions.get(port);
    return decision !== undefined && decision !== "pending" && decision.allowed;
  }

  get isAnyAllowed(): boolean {
    for (const decision of this.decisions.values())
      if (decision !== "pending" && decision.allowed) return true;
    return false;
  }
}
