// Numbered session control (docs/protocol.md §5): every message carries `n`, counted from 1 in each direction;
// the other side acknowledges the highest it applied in `received`; what is not acknowledged is sent again on
// the next link; each is applied once and in order. With several links every one carries all messages.
import type { ControlMessage } from "../core/link/control-codec.ts";

/** What carries control: a LinkPort. */
export interface ControlCarrier {
  sendControl(type: number, message: ControlMessage): void;
  /** The next `received` tells that everything up to `number` was applied. */
  acknowledge(number: number): void;
}

export interface SessionControlOptions {
  /** Applies one message of the other side, once and in order. */
  apply(type: number, message: ControlMessage): void;
  /** The other side broke the numbering. The link that brought it must be closed. */
  protocolError(carrier: ControlCarrier, text: string): void;
  /** Messages that may wait for an acknowledgement. Default: 8,192. */
  readonly limit?: number;
}

export class SessionControl {
  private readonly options: SessionControlOptions;
  private readonly limit: number;
  /** The first one carries what is sent: on each link numbers go up without a gap. */
  private readonly carriers: ControlCarrier[] = [];
  /** Sent and not acknowledged, oldest first; `unacknowledged[0]` has number `firstKept`. */
  private unacknowledged: { readonly type: number; readonly message: ControlMessage }[] = [];
  private firstKept = 1;
  private lastApplied = 0;
  /** Messages that came before the ones they follow: possible only with several links. */
  private early: Map<number, { readonly type: number; readonly message: ControlMessage }> | null = null;

  constructor(options: SessionControlOptions) {
    this.options = options;
    this.limit = options.limit ?? 8_192;
  }

  /** How many messages wait for an acknowledgement. */
  get pending(): number {
    return this.unacknowledged.length;
  }

  /** Adds a link and sends again on it what is not acknowledged, in order: each link carries all of it. */
  attach(carrier: ControlCarrier): void {
    this.carriers.push(carrier);
    let number = this.firstKept;
    for (const { type, message } of this.unacknowledged)
      carrier.sendControl(type, { n: number++, ...message });
  }

  /** A link is gone. The others have carried the same. */
  detach(carrier: ControlCarrier): void {
    const at = this.carriers.indexOf(carrier);
    if (at >= 0) this.carriers.splice(at, 1);
  }

  /** The other side has forgotten the session: both directions begin anew at 1, and what waited is dropped. */
  reset(): void {
    this.unacknowledged = [];
    this.firstKept = 1;
    this.lastApplied = 0;
    this.early = null;
  }

  /**
   * Numbers and sends a message, on every link: the SYN or RST that follows may take any of them, and must find it
   * applied. It is applied once. Without a link it waits for the next.
   * @returns false when too many wait for an acknowledgement: the session cannot go on.
   */
  send(type: number, message: ControlMessage): boolean {
    if (this.unacknowledged.length >= this.limit) return false;
    const number = this.firstKept + this.unacknowledged.length;
    this.unacknowledged.push({ type, message });
    // A link on which too much waits is closed by this, and taken out.
    for (const carrier of [...this.carriers]) carrier.sendControl(type, { n: number, ...message });
    return true;
  }

  /** Takes a numbered message of the other side. */
  receive(carrier: ControlCarrier, type: number, message: ControlMessage): void {
    const number = message["n"];
    if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > 2 ** 48) {
      this.options.protocolError(carrier, `session control ${type} has no number`);
      return;
    }
    if (number <= this.lastApplied) {
      // Sent again, so the acknowledgement may have been lost.
      carrier.acknowledge(this.lastApplied);
      return;
    }
    if (number !== this.lastApplied + 1) {
      // One link keeps order, so a gap on it can never close.
      if (this.carriers.length < 2 || (this.early?.size ?? 0) >= earlyLimit) {
        this.options.protocolError(
          carrier,
          `session control ${number} came after ${this.lastApplied}: ${this.lastApplied + 1} is missing`,
        );
        return;
      }
      this.early ??= new Map();
      this.early.set(number, { type, message });
      return;
    }
    this.applyNext(type, message);
    // What is applied may end everything, or begin it anew.
    for (;;) {
      const next = this.early?.get(this.lastApplied + 1);
      if (next === undefined) break;
      this.early?.delete(this.lastApplied + 1);
      this.applyNext(next.type, next.message);
    }
    if (this.early?.size === 0) this.early = null;
    carrier.acknowledge(this.lastApplied);
  }

  /** The other side applied everything up to `number`. */
  acknowledged(carrier: ControlCarrier, number: number): void {
    const count = number - this.firstKept + 1;
    if (count <= 0) return;
    if (count > this.unacknowledged.length) {
      this.options.protocolError(carrier, `session control ${number} was acknowledged and never sent`);
      return;
    }
    this.unacknowledged.splice(0, count);
    this.firstKept += count;
  }

  private applyNext(type: number, message: ControlMessage): void {
    // Counted first: applying may send, and what it sends may carry the acknowledgement.
    this.lastApplied++;
    this.options.apply(type, message);
  }
}

const earlyLimit = 1_024;
