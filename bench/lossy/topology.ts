// Two namespaces with a path between them, all in this machine: the sender's with the kernel's source and a router for
// fourtuple's packets, the receiver's with the kernel's sink.
//
//   fourtuple 10.90.3.2 -- [10.90.3.1 sender 10.90.1.1] -- emulator -- [10.90.2.1 receiver]

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ip, Namespace } from "../../test/kernel/namespace.ts";
import type { CommonRole } from "../serving.ts";
import { Worker } from "../worker.ts";
import type { EmulatorRole } from "./roles/emulator.ts";
import type { KernelEndRole } from "./roles/kernel-end.ts";
import type { StackEndRole } from "./roles/stack-end.ts";

export const addresses = {
  sender: "10.90.1.1",
  receiver: "10.90.2.1",
  stack: "10.90.3.2",
} as const;

export class Topology {
  readonly emulator: Worker<EmulatorRole & CommonRole>;
  readonly source: Worker<KernelEndRole & CommonRole>;
  readonly sink: Worker<KernelEndRole & CommonRole>;
  private readonly sender: Namespace;
  private readonly receiver: Namespace;
  private readonly scripts: string;

  private constructor(
    parts: Pick<Topology, "emulator" | "source" | "sink">,
    namespaces: readonly [Namespace, Namespace],
    scripts: string,
  ) {
    this.emulator = parts.emulator;
    this.source = parts.source;
    this.sink = parts.sink;
    [this.sender, this.receiver] = namespaces;
    this.scripts = scripts;
  }

  static async create(scripts: string): Promise<Topology> {
    const [sender, receiver] = [await Namespace.create(), await Namespace.create()];
    const emulator = await Worker.start<EmulatorRole>({
      script: join(scripts, "emulator.js"),
      name: "emulator",
    });
    const { left, right } = await emulator.call("open");
    await ip("link", "set", "dev", left, "txqueuelen", String(QUEUE));
    await ip("link", "set", "dev", right, "txqueuelen", String(QUEUE));
    await sender.adopt(left, [`${addresses.sender}/24`]);
    await receiver.adopt(right, [`${addresses.receiver}/24`]);
    await ip("-n", sender.name, "route", "add", "10.90.2.0/24", "dev", left);
    await ip("-n", receiver.name, "route", "add", "10.90.0.0/16", "dev", right);
    await sender.set("net.ipv4.ip_forward", "1");
    for (const namespace of [sender, receiver]) {
      await namespace.set("net.ipv4.tcp_rmem", `4096 131072 ${BUFFER}`);
      await namespace.set("net.ipv4.tcp_wmem", `4096 131072 ${BUFFER}`);
      await namespace.set("net.ipv4.tcp_no_metrics_save", "1");
    }
    const kernelEnd = (namespace: Namespace, name: string): Promise<Worker<KernelEndRole & CommonRole>> =>
      Worker.start<KernelEndRole>({
        script: join(scripts, "kernel-end.js"),
        name,
        namespace: namespace.name,
        isUrgent: true,
      });
    const source = await kernelEnd(sender, "source");
    const sink = await kernelEnd(receiver, "sink");
    return new Topology({ emulator, source, sink }, [sender, receiver], scripts);
  }

  /** What the kernel's next connections use, by Linux's name: "cubic", "bbr", "reno". */
  async setKernelControl(name: string): Promise<void> {
    await this.sender.set("net.ipv4.tcp_congestion_control", name);
  }

  /** A process with a stack of its own, on the sender's network. */
  async stackEnd(): Promise<Worker<StackEndRole & CommonRole>> {
    const worker = await Worker.start<StackEndRole>({
      script: join(this.scripts, "stack-end.js"),
      name: "stack",
      isUrgent: true,
    });
    const device = await worker.call("open");
    await ip("link", "set", "dev", device, "txqueuelen", String(QUEUE));
    await this.sender.adopt(device, ["10.90.3.1/24"]);
    return worker;
  }

  async end(): Promise<void> {
    for (const worker of [this.source, this.sink, this.emulator]) await worker.stop();
    await this.sender.remove();
    await this.receiver.remove();
  }
}

/**
 * Namespaces may use only the controls that the machine allows to everybody: allows them, and gives back what puts the
 * setting back.
 */
export function allowControls(names: readonly string[]): () => void {
  const before = readFileSync(ALLOWED, "utf8");
  const wanted = [...new Set([...before.trim().split(/\s+/), ...names])];
  writeFileSync(ALLOWED, wanted.join(" "));
  return () => writeFileSync(ALLOWED, before);
}

const ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";
/** Bytes: more than any window here. */
const BUFFER = 32 << 20;
/** Packets: all queues but the path's own have room. */
const QUEUE = 10_000;
