// The events of a tunnel.
import type { NetError } from "../core/net/net-error.ts";
import type { TunnelEvent, TunnelState } from "./tunnel-types.ts";

export interface EventDetails {
  readonly outage?: number;
  readonly survived?: boolean;
  readonly reason?: NetError | null;
}

export class StateEvent extends Event implements TunnelEvent {
  readonly state: TunnelState;
  readonly outage: number | undefined;
  readonly survived: boolean | undefined;
  readonly reason: NetError | null;

  constructor(type: string, state: TunnelState, details: EventDetails = {}) {
    super(type);
    this.state = state;
    this.outage = details.outage;
    this.survived = details.survived;
    this.reason = details.reason ?? null;
  }
}
