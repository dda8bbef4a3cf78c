// Who a tunnel is, once its hello was believed, and what it may do.
import type { PeerRule, TcpRule } from "./rules.ts";

export interface Principal {
  /** The authenticated subject; "anonymous" for everybody when the relay has no authentication. */
  readonly subject: string;
  /** Patterns of the names it may take; null: any. */
  readonly names: readonly string[] | null;
  /** Rules of its own in place of the relay's; null: the relay's. */
  readonly egress: readonly TcpRule[] | null;
  readonly publish: readonly TcpRule[] | null;
  readonly peers: readonly PeerRule[] | null;
}

/** The subject of every tunnel on a relay without authentication. */
export const anonymousSubject = "anonymous" as const;

/** A principal as options and hooks write it: rules as text. */
export interface Grant {
  readonly subject: string;
  /** Names this subject may take; "ci-*" is every name that begins so. Default: any. */
  readonly names?: readonly string[] | undefined;
  /** Egress rules in place of the relay's `allow`. */
  readonly allow?: readonly string[] | undefined;
  /** Where it may publish, in place of the relay's `publish`. */
  readonly publish?: readonly string[] | undefined;
  /** Whom it may dial, in place of the relay's `peers`. */
  readonly peers?: readonly string[] | undefined;
}
