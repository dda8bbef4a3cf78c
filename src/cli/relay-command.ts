// fourtuple relay: runs a relay until SIGINT or SIGTERM. Standard output has its URL in one line, everything else is
// the log on standard error.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import type { SocketAddr } from "../index.node.ts";
import { Relay, type ServeOptions } from "../relay/index.node.ts";
import {
  checkOrigin,
  checkPeerRule,
  checkTcpRule,
  gather,
  parseAddress,
  parseRelayUrl,
  parseSeconds,
} from "./arguments.ts";
import { CliError, explain } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { fileReason } from "./file-reason.ts";
import { Interrupted, listenForSignals } from "./interruption.ts";
import { readKeyFile } from "./key-file.ts";
import { createLogger, type LogFormat, type LogLevel, logFormats, logLevels } from "./logging.ts";
import { readTokenFile } from "./token-file.ts";

interface RelayArguments {
  readonly listen: SocketAddr;
  readonly allow?: readonly string[];
  readonly publish?: readonly string[];
  readonly peers?: readonly string[];
  readonly tokenFile?: string;
  readonly open?: true;
  readonly origin?: readonly string[];
  readonly host?: readonly string[];
  readonly name?: string;
  readonly path?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly keyFile?: string;
  readonly grace?: number;
  readonly alternate?: readonly string[];
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
}

export function addRelayCommand(program: Command): void {
  program
    .command("relay")
    .summary("run a relay: the server that tunnels lead to")
    .description(
      "Runs a relay. Tunnels reach it by WebSocket; through it they dial each other by name, real TCP " +
        "servers as far as --allow goes, and publish ports of their own as far as --publish goes.",
    )
    .addOption(
      new Option("-l, --listen <address>", "where to listen; port 0 takes a free one")
        .argParser(parseAddress)
        .default(parseAddress("127.0.0.1:8080"), "127.0.0.1:8080"),
    )
    .option(
      "-a, --allow <rule>",
      "what tunnels may dial (repeat it; nothing by default)",
      gather(checkTcpRule),
    )
    .option(
      "-p, --publish <rule>",
      "where tunnels may publish (repeat it; loopback from port 1024 by default)",
      gather(checkTcpRule),
    )
    .option(
      "--peers <rule>",
      "which tunnels others may dial (repeat it; all by default)",
      gather(checkPeerRule),
    )
    .option("-t, --token-file <file>", "who may open tunnels: TOKEN SUBJECT [KEY=VALUE]... in each line")
    .option("--open", "let everybody in on an address that others reach")
    .option(
      "--origin <origin>",
      "pages of this origin may open tunnels (repeat it; same host by default)",
      gather(checkOrigin),
    )
    .option(
      "--host <name>",
      "a name of this relay behind a proxy (repeat it)",
      gather(() => {}),
    )
    .option("-n, --name <network>", "the network's name: addresses of tunnels derive from it")
    .option("--path <path>", "where tunnels are opened: begins with / (default: /)")
    .option("--tls-cert <file>", "speak wss: the certificate, with its chain, as PEM")
    .option("--tls-key <file>", "speak wss: the private key, as PEM")
    .option(
      "-k, --key-file <file>",
      "the key of sessions: with it they outlive the relay (made when it is not there)",
    )
    .option("--grace <seconds>", "how long a tunnel may be away (default: 300)", parseSeconds)
    .option(
      "--alternate <url>",
      "where tunnels go when this relay ends (repeat it; same network and key)",
      gather(parseRelayUrl),
    )
    .addOption(
      new Option("--log <format>", "how to log, to standard error").choices(logFormats).default("text"),
    )
    .addOption(new Option("--log-level <level>", "how much to log").choices(logLevels).default("info"))
    .addHelpText("after", HELP)
    .action(async (options: RelayArguments) => {
      process.exitCode = await runRelay(options);
    });
}

async function runRelay(options: RelayArguments): Promise<number> {
  const logger = createLogger(options);
  const interruption = listenForSignals();
  const tokens =
    options.tokenFile === undefined
      ? undefined
      : readTokenFile(options.tokenFile, (text) => logger.warn({ text }, "token-file"));
  const key =
    options.keyFile === undefined
      ? undefined
      : readKeyFile(options.keyFile, (text) => logger.warn({ text }, "key-file"));
  let relay: Relay;
  try {
    relay = await Relay.serve(options.listen, {
      allow: options.allow,
      publish: options.publish,
      peers: options.peers,
      tokens,
      key,
      limits: options.grace === undefined ? undefined : { grace: options.grace * 1_000 },
      open: options.open,
      origins: options.origin,
      hosts: options.host,
      network: options.name,
      path: options.path,
      tls: readTls(options),
      log: (level, event, fields) => logger[level](fields, event),
    });
  } catch (error) {
    // What is left of bad arguments: rules and names that only the relay can judge.
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new CliError(ExitCode.usage, error.message, { cause: error });
    }
    const { code, reason } = error as { readonly code?: unknown; readonly reason?: unknown };
    if (typeof code === "string" && code.startsWith("ERR_OSSL_")) {
      const files = `${options.tlsCert} and ${options.tlsKey}`;
      throw new CliError(ExitCode.usage, `Cannot speak TLS with ${files}: ${reason ?? code}`, {
        hint: "Both are PEM: a certificate with its chain, and the private key that belongs to it",
        cause: error,
      });
    }
    throw explain(error, "listen");
  }
  process.stdout.write(`Relay is listening at ${relay.url}\n`);
  logger.info(
    { url: relay.url, rules: options.allow?.length ?? 0, tokens: tokens?.length ?? "none" },
    "listening",
  );
  if (tokens === undefined) logger.warn({ text: openText(options) }, "no-authentication");
  if (options.allow === undefined) {
    logger.info(
      { text: "Tunnels reach each other alone: --allow tcp:HOST:PORT lets them dial further" },
      "no-egress",
    );
  }
  if (!interruption.signal.aborted) await once(interruption.signal, "abort");
  logger.info({ sessions: relay.sessions.length }, "closing");
  // SIGTERM comes from who starts it anew or elsewhere; without a key nobody could take the sessions back.
  const { reason } = interruption.signal;
  const isReplaced = reason instanceof Interrupted && reason.exitCode === 143;
  if (isReplaced && key !== undefined) await relay.drain({ alternates: options.alternate ?? [] });
  await relay.close();
  interruption.release();
  logger.info("closed");
  return ExitCode.ok;
}

function openText(options: RelayArguments): string {
  return options.open === true
    ? "Anybody who reaches this address may use the relay"
    : "Any program on this machine may use the relay; --token-file FILE asks who it is";
}

function readTls(options: RelayArguments): ServeOptions["tls"] {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new CliError(ExitCode.usage, "TLS needs both --tls-cert and --tls-key");
  }
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new CliError(ExitCode.usage, `Cannot read ${path}: ${fileReason(error)}`, { cause: error });
    }
  };
  return { cert: read(tlsCert), key: read(tlsKey) };
}

const HELP = `
Rules:
  tcp:example.com:443              a host by its name, where it has a public address
  tcp:*.example.com:80,443         every host below it, two ports
  tcp:db.internal@10.0.0.0/8:5432  a name that leads to a private address, which must be named
  tcp:127.0.0.1:5432               an address of this machine
  tcp:[fd00::/8]:*                 a block of addresses, every port

Token file, one in a line (make one with: openssl rand -base64 24; chmod 600 the file):
  TOKEN SUBJECT [names=app,web-*] [allow=RULE] [publish=RULE] [peers=peer:NAME:PORTS]

With --key-file, SIGTERM asks tunnels to come back: to this relay when it runs again, or to an --alternate.
SIGINT, and SIGTERM without a key, end them.

Examples:
  Let programs on this machine reach a database through a tunnel:
    $ fourtuple relay --allow tcp:127.0.0.1:5432
  For others, who must show a token, behind a proxy that does TLS:
    $ fourtuple relay --listen 127.0.0.1:9000 --host relay.example --token-file tokens.txt
  For pages of a web application, with TLS of its own:
    $ fourtuple relay --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem \\
        --token-file tokens.txt --origin https://app.example
`;
