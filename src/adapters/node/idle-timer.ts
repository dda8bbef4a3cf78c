// The idle timer of socket.setTimeout(): fires once when nothing moved for a while, again after the next movement,
// and never keeps the process alive.

export class IdleTimer {
  /** Milliseconds; 0 is off. */
  delay = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly onIdle: () => void;

  constructor(onIdle: () => void) {
    this.onIdle = onIdle;
  }

  set(delay: number): void {
    this.clear();
    this.delay = delay;
    if (delay === 0) return;
    // The runtime would fire a longer delay at once.
    this.timer = setTimeout(this.onIdle, Math.min(delay, 2 ** 31 - 1));
    this.timer.unref();
  }

  /** Something moved. */
  refresh(): void {
    this.timer?.refresh();
  }

  clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
