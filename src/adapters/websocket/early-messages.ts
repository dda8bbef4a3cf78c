// What comes between a WebSocket's opening and the start of its link: the relay speaks first, so its first message may
// be there before anybody listens.
import type { LinkClosed, LinkHandler } from "../../core/link/link.ts";
import type { Bytes } from "../../core/net/index.ts";

export class EarlyMessages implements LinkHandler {
  private readonly messages: Bytes[] = [];
  private end: LinkClosed | null = null;

  message(bytes: Bytes): void {
    this.messages.push(bytes);
  }

  drained(): void {}

  closed(reason: LinkClosed): void {
    this.end = reason;
  }

  /** Gives all of it to the handler, after the current call; `done` once everything that follows may go to it. */
  handOver(handler: LinkHandler, done: () => void): void {
    if (this.messages.length === 0 && this.end === null) {
      done();
      return;
    }
    queueMicrotask(() => {
      for (let next = this.messages.shift(); next !== undefined; next = this.messages.shift())
        handler.message(next);
      done();
      if (this.end !== null) handler.closed(this.end);
    });
  }
}
