// fourtuple cat: standard input and output joined to a TCP connection through a tunnel, as netcat does it. Each
// direction ends on its own: the end of standard input is a FIN, a FIN is the end of standard output.
import { closeSync, openSync } from "node:fs";
import { Argument, type Command } from "commander";
import { NetError, type SocketAddr, type TcpStream, type Tunnel } from "../index.node.ts";
import { parseDestination } from "./arguments.ts";
import { CliError, explain } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { Interrupted, listenForSignals } from "./interruption.ts";
import { endOfTunnel } from "./tunnel-end.ts";
import { addTunnelOptions, openTunnel, readAccess, type TunnelArguments } from "./tunnel-options.ts";

interface CatArguments extends TunnelArguments {
  readonly timeout?: number;
}

export function addCatCommand(program: Command): void {
  const command = program
    .command("cat")
    .summary("connect standard input and output to HOST:PORT through a relay")
    .description(
      "Connects through a relay and copies standard input to the connection and the connection to " +
        "standard output, byte for byte. When standard input ends, the other side learns it and may " +
        "still answer; the command ends when both directions have.",
    )
    .addArgument(
      new Argument("<host:port>", "db.internal:5432, or another tunnel: NAME.peer:7000").argParser(
        parseDestination,
      ),
    )
    .option(
      "-w, --timeout <seconds>",
      "how long reaching the relay and connecting may take together",
      parseSeconds,
    );
  addTunnelOptions(command)
    .addHelpText("after", HELP)
    .action(async (destination: SocketAddr, options: CatArguments) => {
      process.exitCode = await runCat(destination, options);
    });
}

async function runCat(destination: SocketAddr, options: CatArguments): Promise<number> {
  const access = readAccess(options, warn);
  const interruption = listenForSignals();
  const { signal } = interruption;
  try {
    // One budget for the relay and the destination.
    const budget = options.timeout === undefined ? undefined : options.timeout * 1000;
    const began = performance.now();
    const tunnel = await openTunnel(access, { signal, timeout: budget });
    tellLinks(tunnel);
    try {
      const left = budget === undefined ? undefined : Math.max(1, budget - (performance.now() - began));
      const stream = await connect(tunnel, destination, left, signal);
      return await join(stream, signal);
    } catch (error) {
      // The tunnel's own end says why all in it failed.
      throw (error instanceof Interrupted ? null : endOfTunnel(tunnel)) ?? error;
    } finally {
      await tunnel.close();
    }
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    throw error;
  } finally {
    interruption.release();
  }
}

async function connect(
  tunnel: Tunnel,
  destination: SocketAddr,
  timeout: number | undefined,
  signal: AbortSignal,
): Promise<TcpStream> {
  try {
    return await tunnel.connect(destination, { signal, timeout });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw explain(error, "dial");
  }
}

/** Nothing moves while the relay is away: whoever waits is told why, and when it goes on. */
function tellLinks(tunnel: Tunnel): void {
  tunnel.addEventListener("detached", ({ reason }) => {
    warn(`${reason?.message ?? `The link to ${tunnel.url} was lost`}: waiting for it to come back`);
  });
  tunnel.addEventListener("resumed", ({ outage, survived }) => {
    const after = `after ${((outage ?? 0) / 1000).toFixed(1)} s`;
    // A connection to another tunnel goes on all the same.
    const news = survived === false ? ", to a relay that was started anew" : "";
    warn(`The link to ${tunnel.url} is back ${after}${news}`);
  });
}

async function join(stream: TcpStream, signal: AbortSignal): Promise<number> {
  let failed: { readonly error: unknown } | null = null;
  const fail = (error: unknown): void => {
    failed ??= { error };
    stream.abort(error);
  };
  const aborted = (): void => fail(signal.reason);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    const sending = send(stream).catch(fail);
    await receive(stream);
    // Whoever sits at a terminal is told by the prompt that the other side has gone.
    if (process.stdin.isTTY) process.stdin.destroy();
    else await sending;
    if (failed !== null) throw failed;
    await stream.close();
    return ExitCode.ok;
  } catch (error) {
    fail(error);
    return verdict((failed as { readonly error: unknown } | null)?.error ?? error);
  } finally {
    signal.removeEventListener("abort", aborted);
    process.stdin.destroy();
  }
}

/** The exit code for what ended a connection early, or a throw with words for the user. */
function verdict(error: unknown): number {
  if (error instanceof BrokenPipe) return ExitCode.brokenPipe;
  throw explain(error, "run");
}

/** The reader of standard output went away. */
class BrokenPipe extends Error {}

async function send(stream: TcpStream): Promise<void> {
  const input = process.stdin[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Buffer>;
    try {
      next = await input.next();
    } catch (error) {
      throw new CliError(ExitCode.failure, `Cannot read standard input: ${(error as Error).message}`);
    }
    try {
      if (next.done === true) {
        await stream.closeWrite();
        return;
      }
      await stream.writeAll(next.value);
    } catch (error) {
      // The other side takes no more, but may still send: what it sends is read on.
      if (NetError.is(error, "EPIPE")) return;
      throw error;
    }
  }
}

async function receive(stream: TcpStream): Promise<void> {
  for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
    await print(chunk);
  }
  endStandardOutput();
}

/** Settles when the system has taken the bytes: a slow reader slows the connection. */
function print(chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(chunk, (error) => {
      if (error === null || error === undefined) resolve();
      else if ((error as NodeJS.ErrnoException).code === "EPIPE") reject(new BrokenPipe());
      else reject(new CliError(ExitCode.failure, `Cannot write standard output: ${error.message}`));
    });
  });
}

/** Tells whoever reads standard output that it has ended, though standard input may go on. */
function endStandardOutput(): void {
  // Node never closes it, so the descriptor is; what is opened next takes its number, which must not be a socket.
  if (process.stdout.isTTY || process.platform === "win32") return;
  closeSync(1);
  openSync("/dev/null", "w");
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new CliError(ExitCode.usage, `Cannot wait "${text}" seconds: give a number above 0`);
  }
  return seconds;
}

function warn(text: string): void {
  process.stderr.write(`fourtuple: ${text}\n`);
}

const HELP = `
Examples:
  Ask a web server behind the relay:
    $ printf 'GET / HTTP/1.0\\r\\n\\r\\n' | fourtuple cat intranet.example:80
  Send a file to a colleague, who runs fourtuple expose 7000 --name bob:
    $ fourtuple cat bob.peer:7000 < photo.jpg
  Log in through the relay:
    $ ssh -o ProxyCommand='fourtuple cat %h:%p' me@inside.example

Exit codes: 0 done, 1 the connection failed, 2 usage, 3 no relay, 4 not permitted, 5 no such destination.
`;
