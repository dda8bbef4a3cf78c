// What a session keeps of one of its links, also while that is gone: which tickets of it count, and what carries it
// now. Generations and attempts only rise, so what is late or stolen and old never replaces what lives.
import type { LinkPort } from "../core/link/link-port.ts";
import type { ResumeClaim } from "../tunnel/handshake-messages.ts";
import type { LinkWatch } from "../tunnel/link-watch.ts";
import type { RelaySession } from "./session.ts";
import type { Tickets } from "./tickets.ts";
import type { Outlet } from "./transit-queue.ts";

/** A link that is there. */
export interface LiveLink {
  readonly port: LinkPort;
  readonly watch: LinkWatch;
  readonly outlet: Outlet<RelaySession | null>;
}

export interface LinkRecord {
  readonly id: number;
  /** The highest generation that a client has shown; the one before a generation counts until that is shown. */
  used: number;
  /** The highest generation given. */
  issued: number;
  /** The highest attempt that was taken. */
  attempt: number;
  readonly live: LiveLink | null;
}

export class LinkRecords {
  private readonly tickets: Tickets;
  /** A handful: a list. */
  private all: readonly LinkRecord[] = NONE;
  /** Links that are there: asked for every packet between peers. */
  live: readonly LiveLink[] = NONE;

  constructor(tickets: Tickets) {
    this.tickets = tickets;
  }

  get(id: number): LinkRecord {
    const known = this.find(id);
    if (known !== undefined) return known;
    const record: LinkRecord = { id, used: 0, issued: 0, attempt: 0, live: null };
    this.all = [...this.all, record];
    return record;
  }

  private find(id: number): LinkRecord | undefined {
    return this.all.find((record) => record.id === id);
  }

  /** The record of the link that this port carries. */
  of(port: LinkPort): LinkRecord | null {
    for (const record of this.all) if (record.live?.port === port) return record;
    return null;
  }

  /** Puts a link into its place, or (null) takes it out. */
  place(record: LinkRecord, live: LiveLink | null): void {
    (record as { live: LiveLink | null }).live = live;
    const there = this.all.flatMap((each) => (each.live === null ? [] : [each.live]));
    this.live = there.length === 0 ? NONE : there;
  }

  /** Why a claim whose proof is right counts no more; null when it does. */
  staleness(claim: ResumeClaim): string | null {
    const via = this.find(claim.via);
    if (via !== undefined && claim.generation < via.used) return "a newer ticket of this link has been used";
    const record = this.find(claim.link);
    if (record !== undefined && claim.attempt <= record.attempt)
      return "a newer attempt came before this one";
    return null;
  }

  /** Notes a claim that is taken (null: the first link of a session) and gives the next generation of the link. */
  admit(id: number, claim: ResumeClaim | null): number {
    const record = this.get(id);
    let shown = 0;
    if (claim !== null) {
      record.attempt = claim.attempt;
      const via = this.get(claim.via);
      via.used = Math.max(via.used, claim.generation);
      if (claim.via === id) shown = claim.generation;
    }
    record.issued = this.tickets.nextGeneration(Math.max(record.issued, shown));
    // A link that is new here has no older ticket that could count.
    if (shown === 0) record.used = record.issued;
    return record.issued;
  }
}

const NONE: readonly never[] = [];
