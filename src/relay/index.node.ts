// The relay in Node. The other runtimes' entries have the same names.
import { create, type Relay as NodeRelay, type ServeOptions, serve } from "./serve-node.ts";

export * from "./exports.ts";
export type { ServeOptions } from "./serve-node.ts";

export type Relay = NodeRelay;

/** The server end of tunnels. */
export const Relay: {
  serve(...parameters: Parameters<typeof serve>): Promise<Relay>;
  create(options?: ServeOptions): Relay;
} = { serve, create };
