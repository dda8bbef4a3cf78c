// The relay in Bun. The other runtimes' entries have the same names.
import { type Relay as BunRelay, create, type ServeOptions, serve } from "./serve-bun.ts";

export * from "./exports.ts";
export type { ServeOptions } from "./serve-bun.ts";

export type Relay = BunRelay;

/** The server end of tunnels. */
export const Relay: {
  serve(...parameters: Parameters<typeof serve>): Promise<Relay>;
  create(options?: ServeOptions): Relay;
} = { serve, create };
