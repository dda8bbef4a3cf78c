// What the driver keeps of one route of its stack: the ports that carry it and the flows that wait for one.

import type { Route } from "../stack/index.ts";
import { FlowRing } from "./deficit-round-robin.ts";
import type { LinkPort } from "./link-port.ts";

export class RouteState {
  readonly route: Route;
  readonly ports: LinkPort[] = [];
  /** A reliable route's flows, which every port of it draws on; an unreliable route's flows that have no port. */
  readonly ring: FlowRing = new FlowRing();
  /** Frozen by the driver's user, ports or not. */
  isHeld: boolean = false;

  constructor(route: Route) {
    this.route = route;
  }

  /** The port with the shortest queue; null when the route has none. */
  leastLoaded(): LinkPort | null {
    const { ports } = this;
    if (ports.length <= 1) return ports[0] ?? null;
    let best = ports[0];
    for (const port of ports) if (port.load < best.load) best = port;
    return best;
  }
}
