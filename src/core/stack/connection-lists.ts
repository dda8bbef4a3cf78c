// The lists that a connection puts itself on without allocating: those with something to send, those with events.

import type { Connection } from "../tcp/connection.ts";

/** First in, first out; a connection stands in it once. */
export class ReadyList {
  private first: Connection | null = null;
  private last: Connection | null = null;

  push(connection: Connection): void {
    if (connection.isReady) return;
    connection.isReady = true;
    if (this.last === null) this.first = connection;
    else this.last.nextReady = connection;
    this.last = connection;
  }

  take(): Connection | null {
    const connection = this.first;
    if (connection === null) return null;
    this.first = connection.nextReady;
    if (this.first === null) this.last = null;
    connection.nextReady = null;
    connection.isReady = false;
    return connection;
  }
}

export class ChangedList {
  private first: Connection | null = null;
  private last: Connection | null = null;

  push(connection: Connection): void {
    if (connection.isChanged) return;
    connection.isChanged = true;
    if (this.last === null) this.first = connection;
    else this.last.nextChanged = connection;
    this.last = connection;
  }

  take(): Connection | null {
    const connection = this.first;
    if (connection === null) return null;
    this.first = connection.nextChanged;
    if (this.first === null) this.last = null;
    connection.nextChanged = null;
    connection.isChanged = false;
    return connection;
  }
}
