// A failure as the user of the command line is told of it: what failed, what to do, and the exit code. The same code
// of a NetError means different things at different stages of a command.
import { NetError } from "../index.node.ts";
import { ExitCode } from "./exit-codes.ts";

export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly exitCode: number;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(
    exitCode: number,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
}

/** What was being done: the same code means different things at different times. */
export type Stage = "listen" | "open" | "dial" | "bind" | "run";

/** The failure of a stage for the user. Errors that are no NetError come back as they are: they are bugs. */
export function explain(error: NetError, stage: Stage): CliError;
export function explain(error: unknown, stage: Stage): unknown;
export function explain(error: unknown, stage: Stage): unknown {
  if (!NetError.is(error)) return error;
  const [exitCode, hint] = verdict(error, stage);
  const retry =
    error.retryAfter === undefined ? undefined : `Try again in ${Math.ceil(error.retryAfter / 1000)} s`;
  return new CliError(exitCode, error.message, { hint: hint ?? retry, cause: error });
}

function verdict(error: NetError, stage: Stage): [exitCode: number, hint: string | undefined] {
  const { code } = error;
  if (code === "EADDRINUSE") return [ExitCode.inUse, inUseHints[stage]];
  if (code === "ERR_NAME_TAKEN")
    return [ExitCode.inUse, "Both ran under one name: choose another with --name"];
  if (code === "EACCES" || code === "ERR_DENIED") return [ExitCode.denied, deniedHint(error, stage)];
  if (stage === "dial" && !tunnelCodes.has(code)) return [ExitCode.destination, undefined];
  if (stage === "open" && code !== "ERR_LIMIT") return [ExitCode.relay, relayHint(code)];
  return [ExitCode.failure, undefined];
}

function deniedHint(error: NetError, stage: Stage): string | undefined {
  switch (stage) {
    case "open":
      if (error.code === "ERR_DENIED") {
        return "Choose another name with --name, or give none; names= in the relay's token file says which a token allows";
      }
      return "Set FOURTUPLE_TOKEN or give --token-file FILE; the relay's owner has the tokens";
    case "dial":
      return "The relay allows only what its rules name: fourtuple relay --allow tcp:HOST:PORT (see fourtuple relay --help)";
    case "bind":
      return "The relay publishes only where its rules say: fourtuple relay --publish tcp:ADDRESS:PORTS";
    case "listen":
      return error.cause === undefined
        ? "Ask for tokens with --token-file FILE, listen on 127.0.0.1, or say --open if anybody may use it"
        : "Ports below 1024 need rights: choose a higher one with --listen";
    case "run":
      return undefined;
  }
}

function relayHint(code: string): string | undefined {
  if (code === "ECONNREFUSED") return "Check --relay or FOURTUPLE_RELAY; start a relay with: fourtuple relay";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "Check the host in --relay or FOURTUPLE_RELAY";
  if (code === "EPROTO") return "Check the URL: port and path must be those of a fourtuple relay";
  if (code === "ERR_VERSION") return "Use the same version of fourtuple at both ends";
  return undefined;
}

const inUseHints: { readonly [Name in Stage]?: string } = {
  listen:
    "Another program listens there: stop it, or choose another port with --listen (port 0 takes a free one)",
  open: "Another tunnel has that name: choose another with --name",
  bind: "Choose another port with --publish (port 0 takes a free one)",
};

/** What is the tunnel's or the relay's fault, not the destination's. */
const tunnelCodes: ReadonlySet<string> = new Set([
  "ERR_LIMIT",
  "ERR_SESSION_EXPIRED",
  "ERR_SOCKET_CLOSED",
  "EPROTO",
]);
