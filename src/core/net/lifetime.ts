// From open to over, once: the `closed` promise of a stream or listener and whoever waits for it. The promise is
// made at first use (most streams are never asked) and is marked as handled.

import type { NetError } from "./net-error.ts";

export class Lifetime {
  private state: { readonly error: NetError | null } | null = null;
  private promise: Promise<void> | null = null;
  private waiters: Array<() => void> | null = null;

  get isOver(): boolean {
    return this.state !== null;
  }

  /** What it ended with, null while it has not failed. */
  get error(): NetError | null {
    return this.state?.error ?? null;
  }

  /** Resolves or rejects when it is over. */
  get closed(): Promise<void> {
    if (this.promise === null) {
      this.promise = new Promise((resolve, reject) => {
        this.whenOver(() => (this.state?.error ? reject(this.state.error) : resolve()));
      });
      this.promise.catch(() => undefined);
    }
    return this.promise;
  }

  whenOver(task: () => void): void {
    if (this.state !== null) task();
    else (this.waiters ??= []).push(task);
  }

  /** The first call counts. */
  end(error: NetError | null): void {
    if (this.state !== null) return;
    this.state = { error };
    const waiters = this.waiters ?? [];
    this.waiters = null;
    for (const task of waiters) task();
  }
}
