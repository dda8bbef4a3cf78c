// One stack of ours and the kernel's, joined by a TUN device, the kernel's end in a namespace of its own; with a capture
// of all packets, and if wanted over a bad path.

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openTun } from "../../src/adapters/node/index.ts";
import {
  Driver,
  type Link,
  Prefix,
  Stack,
  StackNetwork,
  systemClock,
  systemRandom,
  type TcpOptions,
} from "../../src/core/index.ts";
import {
  captureLink,
  type ImpairedLink,
  impairLink,
  type PathOptions,
  PcapngWriter,
} from "../../src/core/sim/index.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { load } from "../runtimes/index.ts";
import { captureFolder } from "./judge-capture.ts";
import { Namespace } from "./namespace.ts";
import { type Seen, watchLink } from "./watch.ts";

/** Ours and the kernel's addresses. */
export const ours = { v4: "10.77.0.2", v6: "fd77::2" } as const;
export const kernels = { v4: "10.77.0.1", v6: "fd77::1" } as const;

export interface RigOptions {
  /** A bad path, both ways, with its seed. */
  readonly path?: PathOptions;
  readonly seed?: number;
  readonly tcp?: Partial<TcpOptions>;
  /** Bytes; default 1,500. */
  readonly mtu?: number;
  /** The name of a capture file; default none. */
  readonly capture?: string;
  /** Notes what passes in `seen`. */
  readonly watch?: boolean;
}

export class Rig {
  readonly namespace: Namespace;
  readonly stack: Stack;
  readonly driver: Driver;
  readonly network: StackNetwork;
  /** Null without a bad path. */
  readonly impaired: ImpairedLink | null;
  /** What passed the device, from the start or since it was emptied. */
  readonly seen: Seen[] = [];
  private readonly file: number | null;

  private constructor(namespace: Namespace, link: Link, options: RigOptions) {
    const { mtu = 1_500 } = options;
    this.namespace = namespace;
    const secret = new Uint8Array(32);
    systemRandom(secret);
    this.stack = new Stack({
      secret,
      addresses: [address(ours.v4), address(ours.v6)],
      tcp: options.tcp ?? {},
    });
    const routes = [prefix("0.0.0.0/0"), prefix("::/0")].map((everywhere) =>
      this.stack.addRoute(everywhere, { reliable: false, checksum: true, mtu }),
    );
    this.driver = new Driver({ stack: this.stack });
    this.network = new StackNetwork(this.driver);
    let top = options.watch === true ? watchLink(link, this.seen) : link;
    if (options.capture === undefined) {
      this.file = null;
    } else {
      mkdirSync(captureFolder, { recursive: true });
      const file = (this.file = openSync(join(captureFolder, `${options.capture}.pcapng`), "w"));
      const epoch = Date.now() * 1_000 - systemClock.now();
      const writer = new PcapngWriter({ write: (bytes) => void writeSync(file, bytes), epoch });
      top = captureLink(top, writer, systemClock);
    }
    this.impaired =
      options.path === undefined
        ? null
        : impairLink(top, { clock: systemClock, random: options.seed ?? 1, path: options.path });
    this.driver.attach(this.impaired ?? top, { routes });
  }

  static async create(options: RigOptions = {}): Promise<Rig> {
    const namespace = await Namespace.create();
    const link = await openTun({ koffi: load("koffi") });
    await namespace.adopt(link.interfaceName, [`${kernels.v4}/24`, `${kernels.v6}/64`], options.mtu);
    return new Rig(namespace, link, options);
  }

  async close(): Promise<void> {
    await this.network.close();
    await this.namespace.remove();
    if (this.file !== null) closeSync(this.file);
  }
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}
