// The relay in Deno. The other runtimes' entries have the same names.
import { create, type Relay as DenoRelay, type ServeOptions, serve } from "./serve-deno.ts";

export * from "./exports.ts";
export type { ServeOptions } from "./serve-deno.ts";

export type Relay = DenoRelay;

/** The server end of tunnels. */
export const Relay: {
  serve(...parameters: Parameters<typeof serve>): Promise<Relay>;
  create(options?: ServeOptions): Relay;
} = { serve, create };
