// Challenge ACKs, RFC 5961: what is suspicious is answered by an ACK, which a real peer resolves and a blind attacker
// never sees. The budget is challenge's own, apart from ack-budget's corrections. May use this room's types.

import type { Connection } from "./connection.ts";

export function challenge(connection: Connection, now: number): void {
  if (!connection.challengeBudget.take(now) || !connection.host.mayAnswer(now)) return;
  connection.host.counters.challenges++;
  connection.ackPending = true;
  connection.host.ready(connection);
}
