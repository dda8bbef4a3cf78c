// A flow from outside the stack that draws on a link beside its connections: a switch's queue, a capture replayed.
// The driver pulls; a source never pushes, so that what waits is bounded where it waits.

import type { Micros } from "./clock.ts";

export interface TransmitSource {
  /** true: what comes next is small and should go first, as a pure ACK does. */
  readonly urgent: boolean;
  /**
   * Writes ONE whole IP packet at out[at..] and returns its length.
   * 0: nothing to send now (the source leaves the ring until it is offered again).
   * -1: something to send that does not fit into `room`. Neither changes anything.
   * `segmentLimit` is advice: the most payload bytes one packet should have on this link.
   */
  transmit(
    now: Micros,
    out: Uint8Array<ArrayBuffer>,
    at: number,
    room: number,
    linkId: number,
    segmentLimit: number,
  ): number;
}
