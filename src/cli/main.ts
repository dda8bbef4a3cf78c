// The command line as a whole: parses, runs one command, and turns what goes wrong into a line for the user and an
// exit code. A stack trace is for FOURTUPLE_DEBUG=1 alone.
import { Command, CommanderError } from "commander";
import { keepHeapRoom } from "../adapters/node/index.ts";
import { version } from "../index.node.ts";
import { addCatCommand } from "./cat-command.ts";
import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { addExposeCommand } from "./expose-command.ts";
import { addRelayCommand } from "./relay-command.ts";
import { addTunCommand } from "./tun-command.ts";

/** Runs a command line, without node's and the program's name, to its end. Returns the exit code; never rejects. */
export async function main(parameters: readonly string[]): Promise<number> {
  keepHeapRoom();
  try {
    await createProgram().parseAsync([...parameters], { from: "user" });
    return Number(process.exitCode ?? ExitCode.ok);
  } catch (error) {
    return report(error);
  }
}

/** Says what went wrong, and returns the exit code for it. */
export function report(error: unknown): number {
  // Help and version come this way too; commander has written what there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (error instanceof CliError) {
    process.stderr.write(`fourtuple: ${error.message}\n`);
    if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
  } else {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`fourtuple: Internal error: ${text}\n`);
    process.stderr.write("  This is a bug: please report it, with what FOURTUPLE_DEBUG=1 adds\n");
  }
  if (process.env["FOURTUPLE_DEBUG"] === "1" && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
  return error instanceof CliError ? error.exitCode : ExitCode.failure;
}

function createProgram(): Command {
  const program = new Command("fourtuple")
    .description("Real TCP through a relay: run one, connect through it, let others reach a local service.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help of a command")
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "fourtuple: ")) })
    .showHelpAfterError("(fourtuple COMMAND --help explains and has examples)")
    .exitOverride()
    .addHelpText("after", HELP);
  addRelayCommand(program);
  addCatCommand(program);
  addExposeCommand(program);
  addTunCommand(program);
  return program;
}

const HELP = `
Environment:
  FOURTUPLE_RELAY  the relay's URL, where --relay is not given
  FOURTUPLE_TOKEN  the token, where --token-file is not given

Try it on one machine:
  $ fourtuple relay --allow tcp:127.0.0.1:22                                  # one terminal
  $ export FOURTUPLE_RELAY=ws://127.0.0.1:8080/                               # another one
  $ fourtuple cat 127.0.0.1:22
  $ fourtuple expose 3000 --name app --publish :9000 & curl 127.0.0.1:9000
`;
