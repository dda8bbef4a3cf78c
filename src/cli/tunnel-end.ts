// Why a tunnel is over, for the user: with the relay's URL, and with what the last attempt to reach it met. Streams and
// listeners of the tunnel fail with its code, but in words of their own.
import type { Tunnel } from "../index.node.ts";
import { CliError, explain } from "./cli-error.ts";

/** Null while the tunnel stands, and when it was closed on this side. */
export function endOfTunnel(tunnel: Tunnel): CliError | null {
  const { error } = tunnel.state;
  if (error === null) return null;
  const { cause } = error;
  const why = error.message.replace(/^The tunnel has ended: (?:Cannot open a tunnel: )?/, "");
  // What the relay refused names it, and is its own cause.
  const more = cause instanceof Error && !why.includes(cause.message) ? `: ${cause.message}` : "";
  const message = `The tunnel to ${tunnel.url} has ended: ${why}${more}`;
  const { exitCode, hint } = explain(error, "run");
  return new CliError(exitCode, message, { hint, cause: error });
}
