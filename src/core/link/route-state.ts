// What the driver keeps of one route of its stack: the ports that carry it and the flows that wait for one.

import type { Route } from "../stack/index.ts";
import type { Micros } from "./clock.ts";
import { FlowRing } from "./deficit-round-robin.ts";
import type { LinkPort } from "./link-port.ts";
import { type Inquirer, RouteInquiry } from "./route-inquiry.ts";

export class RouteState {
  readonly route: Route;
  readonly ports: LinkPort[] = [];
  /** A reliable route's flows, which every port of it draws on; an unreliable route's flows that have no port. */
  readonly ring: FlowRing = new FlowRing();
  /** Frozen by the driver's user, ports or not. */
  isHeld: boolean = false;
  private turn: number = 0;

  /** Asks all its links, when progress on a reliable route is overdue. */
  readonly inquiry: RouteInquiry;

  constructor(route: Route, inquirer: Inquirer) {
    this.route = route;
    this.inquiry = new RouteInquiry(route, this.ports, inquirer);
  }

  /** The port with the shortest queue; null when the route has none. */
  leastLoaded(now: Micros): LinkPort | null {
    const { ports } = this;
    if (ports.length <= 1) return ports[0] ?? null;
    let best = ports[0];
    for (const port of ports) {
      if (port.isOverdue(now) === best.isOverdue(now) ? port.load < best.load : !port.isOverdue(now))
        best = port;
    }
    return best;
  }

  /** The port that a flow of an unreliable route shall stay on: each in turn, but for those that stand still. */
  nextPort(now: Micros): LinkPort | null {
    const { ports } = this;
    for (let tried = 0; tried < ports.length; tried++) {
      const port = ports[this.turn++ % ports.length];
      if (!port.isOverdue(now)) return port;
    }
    return ports[0] ?? null;
  }
}

/** Those of one driver: a handful, so a list. */
export class RouteStates {
  private readonly list: RouteState[] = [];
  private readonly inquirer: Inquirer;

  constructor(inquirer: Inquirer) {
    this.inquirer = inquirer;
  }

  of(route: Route): RouteState {
    for (const state of this.list) if (state.route === route) return state;
    const state = new RouteState(route, this.inquirer);
    this.list.push(state);
    return state;
  }
}
