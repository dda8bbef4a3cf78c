// A network namespace of its own for the kernel's end: its own interfaces, routes, ports and settings, so that nothing of
// the machine's network is touched.

import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { run } from "../runtimes/index.ts";

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly over: Promise<Finished>;
  /** Waits for a line of standard output or error. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

let count = 0;

export class Namespace {
  readonly name: string;
  private readonly children = new Set<ChildProcess>();

  private constructor(name: string) {
    this.name = name;
  }

  static async create(): Promise<Namespace> {
    const namespace = new Namespace(`fourtuple-${process.pid}-${++count}`);
    await ip("netns", "add", namespace.name);
    await ip("-n", namespace.name, "link", "set", "lo", "up");
    return namespace;
  }

  /** Takes over an interface of the machine and sets it up. */
  async adopt(device: string, addresses: readonly string[], mtu = 1_500): Promise<void> {
    const { name } = this;
    await ip("link", "set", "dev", device, "netns", name);
    await ip("-n", name, "link", "set", "dev", device, "mtu", String(mtu));
    for (const address of addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      await ip("-n", name, "address", "add", address, "dev", device, ...nodad);
    }
    await ip("-n", name, "link", "set", "dev", device, "up");
  }

  async set(setting: string, value: string): Promise<void> {
    await must("ip", ["netns", "exec", this.name, "sysctl", "-qw", `${setting}=${value}`]);
  }

  /** Runs a program in the namespace. It is killed with the namespace. */
  start(program: string, parameters: readonly string[], input?: Buffer | string): Running {
    const child = spawn("ip", ["netns", "exec", this.name, program, ...parameters], {
      env: { ...process.env, NO_COLOR: "1" },
      stdio: "pipe",
    });
    this.children.add(child);
    const output: Buffer[] = [];
    let stderr = "";
    let changed = (): void => {};
    child.stdout.on("data", (chunk: Buffer) => {
      output.push(chunk);
      changed();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      changed();
    });
    child.stdin.on("error", () => {
      // The program ended without reading its input, which its outcome tells better.
    });
    if (input !== undefined) child.stdin.end(input);
    let finished: Finished | null = null;
    const over = new Promise<Finished>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        this.children.delete(child);
        finished = { code, stdout: Buffer.concat(output), stderr };
        resolve(finished);
        changed();
      });
    });
    const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const text = Buffer.concat(output).toString("latin1");
        const match = pattern.exec(text) ?? pattern.exec(stderr);
        if (match !== null) return match;
        if (finished !== null) throw new Error(`${program} ended before ${pattern}:\n${text}\n${stderr}`);
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    };
    return { child, over, until };
  }

  run(program: string, parameters: readonly string[], input: Buffer | string = ""): Promise<Finished> {
    return this.start(program, parameters, input).over;
  }

  async remove(): Promise<void> {
    for (const child of this.children) child.kill("SIGKILL");
    await must("ip", ["netns", "delete", this.name]);
  }
}

export function ip(...parameters: string[]): Promise<string> {
  return must("ip", parameters);
}

async function must(program: string, parameters: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, parameters);
  if (code !== 0) throw new Error(`${program} ${parameters.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
