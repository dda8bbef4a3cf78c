// Packets of no connection (resets, ICMP, what TIME-WAIT answers) go before all others, by the link that has least to do.
// They are small, few and never waited for: what finds no link or no room is dropped, and asked for again.

import type { Stack } from "../stack/index.ts";
import type { Micros } from "./clock.ts";
import { Place } from "./flow.ts";
import type { RouteStates } from "./route-state.ts";

export function sendStrays(stack: Stack, routes: RouteStates, now: Micros): void {
  for (let stray = stack.takePacket(); stray !== null; stray = stack.takePacket()) {
    const port = routes.of(stray.route).leastLoaded(now);
    if (port === null || !port.hasRoom || port.allowance(Place.urgent) < stray.bytes.length) continue;
    port.write(now, stray.bytes);
    port.packetBytes += stray.bytes.length;
  }
}
