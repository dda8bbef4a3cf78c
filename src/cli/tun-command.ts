// fourtuple tun: the kernel of this machine on the overlay network of a relay, by a TUN device with the tunnel's address.
// The device stays while the tunnel is lost and opened again; connections that the relay still knows go on.
import { networkInterfaces } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Logger } from "pino";
import { configureTun, openTun, type TunLink } from "../adapters/node/index.ts";
import { PacketBridge } from "../core/link/index.ts";
import { IpAddress, Prefix } from "../core/wire/index.ts";
import { NetError, type Tunnel } from "../index.node.ts";
import { peerAddress } from "../tunnel/index.ts";
import { isPeerName, peerNameOf } from "../tunnel/peer-name.ts";
import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { type HostLine, HostsFile, hostText } from "./hosts-file.ts";
import { createLogger, type LogFormat, type LogLevel, logFormats, logLevels } from "./logging.ts";
import { keepTunnelOpen, type TunnelUser, untilTunnelEnds } from "./tunnel-loop.ts";
import { addTunnelOptions, type TunnelArguments } from "./tunnel-options.ts";

interface TunArguments extends TunnelArguments {
  readonly name?: string;
  readonly device: string;
  readonly peer?: readonly string[];
  readonly hosts?: string;
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
}

export function addTunCommand(program: Command): void {
  const command = program
    .command("tun")
    .summary("put this machine on the relay's network: ping, ssh and curl reach peers (Linux)")
    .description(
      "Makes a TUN device with the tunnel's address, so that every program of this machine reaches other " +
        "tunnels of the relay by TCP and ping, and they reach what listens here on all addresses. Needs " +
        "Linux, root or CAP_NET_ADMIN, and the package koffi. Runs until SIGINT or SIGTERM.",
    )
    .option("-n, --name <name>", "the name that others dial: NAME.peer (default: the relay picks one)")
    .option("-d, --device <name>", 'the interface\'s name; "%d" stands for a free number', "ft%d")
    .option("--peer <name>", "also print the address of this peer; repeat it", gatherPeers)
    .option("--hosts <file>", "write names and addresses to this file, such as /etc/hosts, until the end");
  addTunnelOptions(command)
    .addOption(
      new Option("--log <format>", "how to log, to standard error").choices(logFormats).default("text"),
    )
    .addOption(new Option("--log-level <level>", "how much to log").choices(logLevels).default("info"))
    .addHelpText("after", HELP)
    .action(async (options: TunArguments) => {
      process.exitCode = await runTun(options);
    });
}

async function runTun(options: TunArguments): Promise<number> {
  const logger = createLogger(options);
  const machine = new MachineOnOverlay(options, logger);
  try {
    return await keepTunnelOpen(options, logger, machine);
  } finally {
    machine.end();
  }
}

class MachineOnOverlay implements TunnelUser {
  private readonly options: TunArguments;
  private readonly logger: Logger;
  private readonly hosts: HostsFile | null;
  private bridge: PacketBridge | null = null;
  private address: IpAddress | null = null;
  private failed: (error: unknown) => void = () => {};

  constructor(options: TunArguments, logger: Logger) {
    this.options = options;
    this.logger = logger;
    this.hosts = options.hosts === undefined ? null : new HostsFile(options.hosts);
  }

  get wasOpen(): boolean {
    return this.bridge !== null;
  }

  async serve(tunnel: Tunnel, signal: AbortSignal, opened: () => void): Promise<never> {
    const broken = new Promise<never>((_resolve, reject) => {
      this.failed = reject;
    });
    broken.catch(() => {});
    return untilTunnelEnds(tunnel, signal, this.join(tunnel, opened, broken)).finally(() =>
      this.bridge?.leave(),
    );
  }

  end(): void {
    this.bridge?.close();
    this.hosts?.restore();
  }

  private async join(tunnel: Tunnel, opened: () => void, broken: Promise<never>): Promise<never> {
    const address = addressOf(tunnel);
    const prefix = Prefix.of(address, PEERS_LENGTH);
    if (this.bridge === null) {
      const link = await this.open(tunnel, address);
      this.address = address;
      this.bridge = new PacketBridge({
        link,
        address,
        prefix,
        closed: () => this.failed(new CliError(ExitCode.failure, `The device ${link.interfaceName} is gone`)),
      });
      this.tell(tunnel, link, prefix);
    } else if (this.address?.equals(address)) {
      this.logger.info({ address: tunnel.address }, "tunnel-back");
    } else {
      throw new CliError(
        ExitCode.usage,
        `The relay's network is another one now: the address would be ${address} instead of ${this.address}`,
      );
    }
    this.bridge.join(tunnel.driver);
    opened();
    return broken;
  }

  private async open(tunnel: Tunnel, address: IpAddress): Promise<TunLink> {
    try {
      const link = await openTun({ name: this.options.device });
      try {
        await configure(link.interfaceName, address, tunnel.driver.stack.routeTo(address)?.mtu);
        return link;
      } catch (error) {
        link.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof TypeError) throw new CliError(ExitCode.usage, error.message, { cause: error });
      if (!NetError.is(error)) throw error;
      const exitCode = error.code === "EACCES" ? ExitCode.denied : ExitCode.failure;
      throw new CliError(exitCode, error.message, { cause: error });
    }
  }

  private tell(tunnel: Tunnel, link: TunLink, prefix: Prefix): void {
    const { network } = tunnel.info();
    const names = new Set([tunnel.name, ...(this.options.peer ?? [])]);
    const lines: HostLine[] = [...names].map((name) => ({
      address: peerAddress(network, prefix, name).toString(),
      name: `${name}.peer`,
    }));
    process.stdout.write(`${link.interfaceName} has the address ${tunnel.address}, as ${tunnel.name}.peer\n`);
    for (const line of lines) process.stdout.write(`${hostText(line)}\n`);
    this.hosts?.write(lines);
  }
}

/** Root has set up a device that it made for this user; anybody else may not, and need not. */
async function configure(device: string, address: IpAddress, mtu: number | undefined): Promise<void> {
  const isDone = networkInterfaces()[device]?.some((entry) =>
    IpAddress.parse(entry.address)?.equals(address),
  );
  if (isDone && process.geteuid?.() !== 0) return;
  await configureTun(device, { addresses: [`${address}/${PEERS_LENGTH}`], mtu });
}

function addressOf(tunnel: Tunnel): IpAddress {
  const address = IpAddress.parse(tunnel.address);
  if (address === null) throw new TypeError(`The tunnel's address is none: ${tunnel.address}`);
  return address;
}

function gatherPeers(text: string, list: readonly string[] | undefined): string[] {
  const name = peerNameOf(text) ?? text.toLowerCase();
  if (!isPeerName(name)) throw new InvalidArgumentError("a peer's name has letters, digits and hyphens");
  return [...(list ?? []), name];
}

/** Peers have a /64 of the network (docs/protocol.md §3). */
const PEERS_LENGTH = 64;

const HELP = `
Examples:
  Reach colleagues' machines; one is called bob:
    $ sudo fourtuple tun --name alice --peer bob --hosts /etc/hosts
    $ ssh bob.peer
  Without root, with a device and an address that root made before (the first run tells the address):
    # ip tuntap add dev ft0 mode tun user alice
    # ip address add fdca:f9e2:edad:1:...:.../64 dev ft0 nodad; ip link set dev ft0 mtu 9000 up
    $ fourtuple tun --name alice --device ft0

Whatever listens here on all addresses can be dialled by the peers that the relay's rules admit.

Exit codes: 0 ended by a signal, 1 failure, 2 usage, 3 no relay, 4 not permitted, 6 name in use.
`;
