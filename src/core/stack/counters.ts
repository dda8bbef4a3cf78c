// What a stack counts of everything that passed or was refused.

import type { ConnectionCounters } from "../tcp/host.ts";

export interface StackCounters extends ConnectionCounters {
  packetsReceived: number;
  /** Packets refused by the parser, by its reason: index with core/wire's Malformed. */
  readonly malformed: number[];
  badChecksum: number;
  /** Packets to addresses that are not this host's, or of protocols it does not speak. */
  notForUs: number;
  /** SYNs dropped because a listener's queues or the stack were full. */
  synDropped: number;
  /** SYNs answered by a cookie; ACKs that brought one back, and ACKs that brought none while some were out. */
  synCookiesSent: number;
  synCookiesReceived: number;
  synCookiesFailed: number;
  /** Handshakes that ended while the accept queue was full: the peer's ACK was ignored. */
  acceptOverflows: number;
  strayDropped: number;
  icmpReceived: number;
  timeWaitOverflows: number;
}

export function newCounters(): StackCounters {
  return {
    segmentsReceived: 0,
    segmentsSent: 0,
    retransmissions: 0,
    timeouts: 0,
    challenges: 0,
    withheld: 0,
    unacceptable: 0,
    reassemblyDrops: 0,
    blackHoles: 0,
    resetsSent: 0,
    resetsReceived: 0,
    packetsReceived: 0,
    malformed: [],
    badChecksum: 0,
    notForUs: 0,
    synDropped: 0,
    synCookiesSent: 0,
    synCookiesReceived: 0,
    synCookiesFailed: 0,
    acceptOverflows: 0,
    strayDropped: 0,
    icmpReceived: 0,
    timeWaitOverflows: 0,
  };
}
