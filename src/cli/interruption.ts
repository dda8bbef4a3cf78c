// SIGINT and SIGTERM: the first asks the command to end in order, the second ends it at once.

export interface Interruption {
  /** Aborted by the first signal; its reason is an Interrupted. */
  readonly signal: AbortSignal;
  /** Listens no more. */
  release(): void;
}

export class Interrupted extends Error {
  override readonly name: string = "Interrupted";
  /** 128 and the number of the signal, as shells have it. */
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`Ended by ${signal}`);
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

export function listenForSignals(): Interruption {
  const controller = new AbortController();
  const handle = (signal: NodeJS.Signals): void => {
    const reason = new Interrupted(signal === "SIGINT" ? "SIGINT" : "SIGTERM");
    if (controller.signal.aborted) process.exit(reason.exitCode);
    controller.abort(reason);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
