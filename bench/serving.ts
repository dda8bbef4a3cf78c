// The child's side of a bench process: answers calls of the parent over the IPC channel, one role a process, and
// reports its CPU time and memory. Ends with its parent.

/** Processor time of this process since its start, in seconds. */
export interface Usage {
  readonly cpuSeconds: number;
}

/** After a collection, in bytes. `held` is what JavaScript holds: heap and array buffers. */
export interface Memory {
  readonly held: number;
  readonly rss: number;
}

/** What every role answers. */
export interface CommonRole {
  usage(): Usage;
  memory(): Promise<Memory>;
}

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: string };

type Method = (...parameters: unknown[]) => unknown;

/** Answers calls to the methods of `role` until the parent goes away or calls `exit`. */
export function serveRole(role: object): void {
  const methods = { ...common, ...role } as unknown as Record<string, Method>;
  process.on("message", (call: Call) => void answer(methods, call));
  // exit() and not an idle loop: a profile is written at the exit.
  process.on("disconnect", () => process.exit(0));
  process.send?.({ id: 0, result: null } satisfies Answer);
}

async function answer(methods: Record<string, Method>, { id, method, parameters }: Call): Promise<void> {
  if (method === "exit") process.exit(0);
  try {
    const result = await methods[method](...parameters);
    process.send?.({ id, result } satisfies Answer);
  } catch (error) {
    const failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    process.send?.({ id, failure } satisfies Answer);
  }
}

const common: CommonRole = {
  usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6 };
  },
  async memory() {
    // Twice, and a turn apart: what finalizers and closing handles let go is collected by the second.
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { held: heapUsed + external, rss };
  },
};
