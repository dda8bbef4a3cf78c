// fourtuple expose: a local service that other tunnels, and with --publish everybody who reaches the relay, can dial.
// A tunnel that is lost is opened again; connections that it carried are lost with it.
import { setTimeout as sleep } from "node:timers/promises";
import { Argument, type Command, Option } from "commander";
import type { Logger } from "pino";
import { pipe, SocketAddr, type TcpListener, type TcpStream, type Tunnel } from "../index.node.ts";
import { parseAddress, parsePort } from "./arguments.ts";
import { explain } from "./cli-error.ts";
import { createLogger, type LogFormat, type LogLevel, logFormats, logLevels } from "./logging.ts";
import { Service } from "./service.ts";
import { keepTunnelOpen, type TunnelUser, untilTunnelEnds } from "./tunnel-loop.ts";
import { addTunnelOptions, type TunnelArguments } from "./tunnel-options.ts";

interface ExposeArguments extends TunnelArguments {
  readonly name?: string;
  readonly port?: number;
  readonly publish?: SocketAddr;
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
}

export function addExposeCommand(program: Command): void {
  const command = program
    .command("expose")
    .summary("let others reach a local service through a relay")
    .description(
      "Passes every connection to NAME.peer:PORT on to a local service, and with --publish also plain " +
        "TCP to an address at the relay. Prints where the service can be reached. Opens the tunnel " +
        "again when it is lost. Runs until SIGINT or SIGTERM.",
    )
    .addArgument(
      new Argument("<service>", "a port of this machine, or HOST:PORT").argParser((text: string) =>
        Service.parse(text),
      ),
    )
    .option("-n, --name <name>", "the name that others dial: NAME.peer (default: the relay picks one)")
    .option("--port <port>", "the port that others dial (default: the service's)", parsePort)
    .addOption(
      new Option(
        "-p, --publish <address>",
        "listen for plain TCP at the relay: :8080, 0.0.0.0:8080, :0",
      ).argParser(parseAddress),
    );
  addTunnelOptions(command)
    .addOption(
      new Option("--log <format>", "how to log, to standard error").choices(logFormats).default("text"),
    )
    .addOption(new Option("--log-level <level>", "how much to log").choices(logLevels).default("info"))
    .addHelpText("after", HELP)
    .action(async (service: Service, options: ExposeArguments) => {
      process.exitCode = await runExpose(service, options);
    });
}

function runExpose(service: Service, options: ExposeArguments): Promise<number> {
  const logger = createLogger(options);
  return keepTunnelOpen(options, logger, new Exposed(service, options, logger));
}

class Exposed implements TunnelUser {
  /** The service could be reached once. */
  wasOpen = false;
  private readonly service: Service;
  private readonly options: ExposeArguments;
  private readonly logger: Logger;
  private open = 0;

  constructor(service: Service, options: ExposeArguments, logger: Logger) {
    this.service = service;
    this.options = options;
    this.logger = logger;
  }

  async serve(tunnel: Tunnel, signal: AbortSignal, opened: () => void): Promise<never> {
    return untilTunnelEnds(tunnel, signal, this.passAll(tunnel, opened));
  }

  private async passAll(tunnel: Tunnel, opened: () => void): Promise<never> {
    const listener = await this.listen(tunnel);
    opened();
    try {
      return await this.accept(listener);
    } catch (error) {
      throw explain(error, "run");
    }
  }

  private async listen(tunnel: Tunnel): Promise<TcpListener> {
    const port = this.options.port ?? this.service.port;
    try {
      const listener = await tunnel.bind(new SocketAddr("", port), { publish: this.options.publish });
      const peer = `${tunnel.name}.peer:${listener.localAddr.port}`;
      const published = listener.published?.toString();
      if (this.wasOpen) {
        this.logger.info({ address: peer, published }, "tunnel-back");
      } else {
        process.stdout.write(`${this.service} can be reached at ${peer}\n`);
        if (published !== undefined) {
          process.stdout.write(`${this.service} can be reached by plain TCP at the relay, ${published}\n`);
        }
        void this.look();
      }
      this.wasOpen = true;
      return listener;
    } catch (error) {
      throw explain(error, "bind");
    }
  }

  /** A service that is started later is no mistake; one that is not there at all is found sooner so. */
  private async look(): Promise<void> {
    const error = await this.service.look(LOCAL_TIMEOUT);
    if (error === null) return;
    const text = `${error.message}; connections are reset until something answers there`;
    this.logger.warn({ text }, "service-unreachable");
  }

  private async accept(listener: TcpListener): Promise<never> {
    for (;;) {
      const [stream] = await listener.accept();
      this.open++;
      void this.pass(stream).finally(() => this.open--);
      // Beyond the limit they wait in the tunnel's backlog.
      while (this.open >= MAX_CONNECTIONS) await sleep(10);
    }
  }

  /** Never rejects: one connection's failure is its own. */
  private async pass(stream: TcpStream): Promise<void> {
    const from = stream.peer?.name === undefined ? stream.peerAddr.toString() : `${stream.peer.name}.peer`;
    try {
      const local = await this.service.connect(LOCAL_TIMEOUT);
      this.logger.debug({ from }, "connection");
      const { aToB, bToA, error } = await pipe(stream, local);
      this.logger.debug({ from, received: aToB, sent: bToA, error: error?.code }, "connection-ended");
    } catch (error) {
      // The caller learns it as a reset: TCP has no other way once a connection is open.
      stream.abort(error);
      this.logger.warn({ from, text: (error as Error).message }, "service-unreachable");
    }
  }
}

const LOCAL_TIMEOUT = 10_000;
const MAX_CONNECTIONS = 1024;

const HELP = `
Examples:
  Show a local web server to colleagues who use the same relay; they dial app.peer:3000:
    $ fourtuple expose 3000 --name app
  And to everybody who reaches the relay, by plain TCP on its port 8080:
    $ fourtuple expose 3000 --name app --publish 0.0.0.0:8080
  Another machine's service, under another port:
    $ fourtuple expose printer.local:9100 --name office --port 9000

Exit codes: 0 ended by a signal, 1 failure, 2 usage, 3 no relay, 4 not permitted, 6 name or port in use.
`;
