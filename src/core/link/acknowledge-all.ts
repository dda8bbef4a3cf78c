// What leaves before a pong. Whoever asked takes it as word that what came before its ping has arrived and that all there
// was to say of it has left (DESIGN §3). But an ACK that rides on data waits for the link's budget, and a pong does not:
// so ACKs of reliable routes go alone then.

import type { Micros } from "./clock.ts";
import { ConnectionFlow } from "./flow.ts";
import type { LinkPort } from "./link-port.ts";

/** False: the other side takes no more now, and the pong has to wait with the ACKs. */
export function acknowledgeAll(port: LinkPort, now: Micros): boolean {
  for (const { route, ring } of port.routes) {
    if (!route.reliable) continue;
    for (const { head } of [ring.urgent, ring.fresh, ring.old]) {
      for (let flow = head; flow !== null; flow = flow.next) {
        if (flow instanceof ConnectionFlow && !flow.acknowledge(port, now)) return false;
      }
    }
  }
  return true;
}
