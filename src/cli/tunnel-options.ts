// What every command that opens a tunnel takes: the relay's URL, a token, a name; and how it opens it.
import { type Command, Option } from "commander";
import { Tunnel } from "../index.node.ts";
import { parseRelayUrl } from "./arguments.ts";
import { CliError, explain } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { readToken } from "./token-file.ts";

export interface TunnelArguments {
  readonly relay?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

export function addTunnelOptions(command: Command): Command {
  return command
    .addOption(
      new Option("-r, --relay <url>", "the relay, such as wss://relay.example/")
        .env("FOURTUPLE_RELAY")
        .argParser(parseRelayUrl),
    )
    .option("--token-file <file>", "a file with the token in its first line (or set FOURTUPLE_TOKEN)")
    .addOption(new Option("--token <token>", "the token; others see it in the list of processes").hideHelp());
}

/** The relay's URL and the token, wherever they were given. */
export function readAccess(
  options: TunnelArguments,
  warn: (text: string) => void,
): { url: string; token: string | undefined } {
  if (options.relay === undefined) {
    throw new CliError(ExitCode.usage, "No relay is given", {
      hint: "Give --relay wss://relay.example/ or set FOURTUPLE_RELAY; start one of your own with: fourtuple relay",
    });
  }
  if (options.token !== undefined) {
    warn(
      "Everybody on this machine can read --token in the list of processes: use FOURTUPLE_TOKEN or --token-file",
    );
  }
  // What is nearest to the command wins.
  const fromFile = options.tokenFile === undefined ? undefined : readToken(options.tokenFile, warn);
  const token = options.token ?? fromFile ?? process.env["FOURTUPLE_TOKEN"];
  return { url: options.relay, token: token === "" ? undefined : token };
}

/** @throws CliError, or the signal's reason */
export async function openTunnel(
  access: { readonly url: string; readonly token: string | undefined },
  options: {
    readonly name?: string | undefined;
    readonly signal: AbortSignal;
    /** Milliseconds; 15 s when there is none. */
    readonly timeout?: number | undefined;
  },
): Promise<Tunnel> {
  try {
    return await Tunnel.open(access.url, { token: access.token, ...options });
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    // A name that cannot be one.
    if (error instanceof TypeError) throw new CliError(ExitCode.usage, error.message, { cause: error });
    throw explain(error, "open");
  }
}
