// Asks the links of a reliable route whether anything is still under way (DESIGN §3). A pong on the link that a segment
// left on says that the segment has arrived. Its ACK may have left on another link, which may stand still: so all links
// are asked, and when all have answered all are asked again. What the other side sent before it took the first round is
// here when the second is answered. A route with one link keeps order, and one round tells both.

import type { Route } from "../stack/index.ts";
import type { Micros } from "./clock.ts";
import type { LinkPort } from "./link-port.ts";

/** Who is told: a stack. */
export interface Inquirer {
  /** What left on `route` up to `askedAt` has arrived, and so has what the other side said of it. */
  linksAnswered(now: Micros, route: Route, askedAt: Micros): void;
}

export class RouteInquiry {
  private readonly route: Route;
  private readonly ports: readonly LinkPort[];
  private readonly inquirer: Inquirer;
  /** Links without an answer in this round. */
  private waiting: Set<LinkPort> | null = null;
  private isRunning: boolean = false;
  private isLastRound: boolean = false;
  /** A link came meanwhile, on which the other side may have answered: it all begins again. */
  private isOutdated: boolean = false;
  /** When the first round left, and this one. */
  private askedAt: Micros = 0;
  private roundAt: Micros = 0;

  /** @param ports The links of the route: read, never changed. */
  constructor(route: Route, ports: readonly LinkPort[], inquirer: Inquirer) {
    this.route = route;
    this.ports = ports;
    this.inquirer = inquirer;
  }

  /** Begins at the end of a turn, so that the pings leave with its messages. One that runs goes on. */
  begin(now: Micros): void {
    if (this.isRunning || this.ports.length === 0) return;
    this.isRunning = true;
    // What leaves in the same turn leaves behind the ping: of that the answer tells nothing.
    this.askedAt = now - 1;
    this.ask(now, this.ports.length === 1);
  }

  /** A pong has arrived, to a ping from `sentAt`. */
  answered(now: Micros, port: LinkPort, sentAt: Micros): void {
    if (!this.isRunning || sentAt < this.roundAt || !this.waiting?.delete(port)) return;
    if (this.waiting.size === 0) this.roundEnds(now);
  }

  linkAdded(): void {
    this.isOutdated = this.isRunning;
  }

  /** It answers no more; what it carried is lost and known to be. */
  linkLost(now: Micros, port: LinkPort): void {
    const wasAsked = this.waiting?.delete(port) ?? false;
    // Without a link the route is frozen, and everything goes again when it thaws.
    if (this.ports.length === 0) {
      this.isRunning = false;
      this.waiting = null;
    } else if (this.isRunning && wasAsked && this.waiting?.size === 0) this.roundEnds(now);
  }

  private ask(now: Micros, isLastRound: boolean): void {
    this.isLastRound = isLastRound;
    this.isOutdated = false;
    this.roundAt = now - 1;
    this.waiting = new Set(this.ports);
    for (const port of this.ports) port.ping();
  }

  private roundEnds(now: Micros): void {
    if (this.isOutdated) this.ask(now, false);
    else if (!this.isLastRound) this.ask(now, true);
    else {
      this.isRunning = false;
      this.waiting = null;
      this.inquirer.linksAnswered(now, this.route, this.askedAt);
    }
  }
}
