// ACKs that may wait a moment for company. On a reliable route nothing is lost by it, and a packet of their own costs
// both ends more than what they tell.

import type { Connection } from "./connection.ts";

/** Bytes that need no ACK of their own at once. */
const LITTLE_DATA = 8_192;

/**
 * All that is due is an ACK of a little data that nobody waits for: no FIN is answered, no window opened that the peer
 * may be short of, no gap told.
 */
export function canAckLater(connection: Connection): boolean {
  const { receiving, sending } = connection;
  if (!connection.ackPending || connection.synPending || connection.resetPending) return false;
  if (connection.keepAlivePending || sending.records.lostBytes > 0 || sending.hasUnsent) return false;
  if (receiving.next === 0 || receiving.fin >= 0 || !receiving.reassembly.empty) return false;
  // A peer that has sent no more than this has not filled its first window; half a window keeps any peer going.
  if (receiving.next <= LITTLE_DATA) return true;
  const { limit, next } = receiving;
  return receiving.window >= limit >> 1 && next - receiving.acknowledged <= limit >> 4;
}
