// Challenge ACKs, RFC 5961: what is suspicious is answered by an ACK, which a real peer resolves and a blind attacker
// never sees. The budget is challenge's own, apart from ack-budget's corrections. May use this room's types.

import { AckBudget } from "./ack-budget.ts";
import type { Connection } from "./connection.ts";

export function challenge(connection: Connection, now: number): void {
  connection.challengeBudget ??= new AckBudget();
  if (!connection.challengeBudget.take(now) || !connection.host.mayAnswer(now)) return;
  connection.host.counters.challenges++;
  connection.ackPending = true;
  connection.host.ready(connection);
}

/** Whether an empty segment that is unacceptable may be answered: at most twice a second, else two ends never end. */
export function mayCorrect(connection: Connection, now: number): boolean {
  connection.correctionBudget ??= new AckBudget();
  return connection.correctionBudget.take(now) && connection.host.mayAnswer(now);
}
