// fourtuple's TCP as a host beside the kernel's sender: its packets pass the sender's namespace, which forwards them.

import { randomFillSync } from "node:crypto";
import { openTun, type TunLink } from "../../../src/adapters/node/index.ts";
import {
  type ConnectionInfo,
  type ConnectionSource,
  Driver,
  IpAddress,
  Prefix,
  Stack,
  type TcpOptions,
} from "../../../src/core/index.ts";
import { serveRole } from "../../serving.ts";
import { warmUp } from "./warm-up.ts";

export interface StackSendOptions {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly congestionControl: string;
}

export interface StackEndRole {
  /** The interface's name. */
  open(): Promise<string>;
  /** Sends until the process ends. */
  send(options: StackSendOptions): Promise<void>;
  info(): ConnectionInfo;
}

let link: TunLink | null = null;
let source: ConnectionSource | null = null;
let driver: Driver | null = null;

function begin({ address, host, port, congestionControl }: StackSendOptions): Promise<void> {
  if (link === null) throw new Error("The device is not open");
  const tcp = { sendBuffer: BUFFER, congestionControl } as Partial<TcpOptions>;
  const stack = new Stack({
    secret: randomFillSync(new Uint8Array(32)),
    addresses: [IpAddress.parse(address) as IpAddress],
    tcp,
  });
  const route = stack.addRoute(Prefix.parse("0.0.0.0/0") as Prefix, {
    reliable: false,
    checksum: true,
    mtu: 1_500,
  });
  warmUp(tcp, WARM_UP);
  driver = new Driver({ stack });
  driver.attach(link, { routes: [route] });
  const remote = IpAddress.parse(host) as IpAddress;
  const dialled = driver.dial({ remote, remotePort: port });
  source = dialled;
  const data = new Uint8Array(262_144).fill(7);
  const write = (): void => {
    while (dialled.send(data) > 0) {}
  };
  return new Promise((resolve, reject) => {
    dialled.attach({ readable: () => {}, writable: write, closed: () => {} });
    dialled.connected({}).then(() => {
      resolve();
      write();
    }, reject);
  });
}

/** More than the path and its queue hold. */
const BUFFER = 8 << 20;
/** Milliseconds. */
const WARM_UP = 1_500;

serveRole({
  async open() {
    link = await openTun();
    return link.interfaceName;
  },
  send: begin,
  info() {
    const connection = source?.connection;
    if (connection === undefined || driver === null) throw new Error("There is no connection");
    return connection.info(driver.clock.now());
  },
} satisfies StackEndRole);
