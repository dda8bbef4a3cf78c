// F-RTO, RFC 5682: whether a timeout was spurious, seen without timestamps. After it the first segment alone went again;
// the next ACK that advances lets new data out instead of more of the old; if then something arrives that was sent only
// once, the rest of the flight was never lost. Judges only; what follows is undo.ts. May use this room's types.

import type { Connection } from "./connection.ts";
import { delivery } from "./delivery.ts";

export const FrtoStep = {
  /** No question is open: conventional recovery. */
  off: 0,
  /** The first segment has gone again (step 1). */
  resent: 1,
  /** An ACK advanced, and new data goes before old (step 2b). */
  newData: 2,
} as const;
export type FrtoStep = (typeof FrtoStep)[keyof typeof FrtoStep];

/** An ACK within the recovery from a timeout. True when the timeout was spurious (step 3b). */
export function judgeTimeout(connection: Connection, ack: number, advanced: number): boolean {
  const { sending } = connection;
  if (connection.frto === FrtoStep.off) return false;
  if (connection.frto === FrtoStep.newData) {
    if (delivery.original) return true;
    // A duplicate, or SACK of the new data alone: the old is missing indeed (step 3a).
    if (advanced <= 0) connection.frto = FrtoStep.off;
    return false;
  }
  const goesOn =
    advanced > 0 && ack < connection.recoveryPoint && sending.hasUnsent && sending.edge > sending.next;
  connection.frto = goesOn ? FrtoStep.newData : FrtoStep.off;
  return false;
}
