// The parent's side of a bench process: starts it, calls its methods, ends it. A call that takes too long ends the
// process with an error, so that one contender that hangs does not stop the run.

import { type ChildProcess, fork } from "node:child_process";
import type { Answer, CommonRole } from "./serving.ts";

// A role's methods take and give what structured cloning can carry.
// biome-ignore lint/suspicious/noExplicitAny: any method of any role
type Methods = Record<string, (...parameters: any[]) => unknown>;

export interface WorkerOptions {
  readonly script: string;
  /** Contender or role, for messages. */
  readonly name: string;
  readonly parameters?: readonly string[];
  /** For Node and V8, as on the command line. */
  readonly nodeOptions?: readonly string[];
  /** Runs in this network namespace. */
  readonly namespace?: string | undefined;
  /** Runs before others from its start on: threads keep the priority that they began with. */
  readonly isUrgent?: boolean | undefined;
  /** Writes a CPU profile of the process there. */
  readonly profileTo?: string | undefined;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export class Worker<Role extends { [Name in keyof Role]: Methods[string] }> {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly pending: Map<number, Pending> = new Map();
  private nextId = 1;
  private ending: Error | null = null;
  private errors = "";

  private constructor(options: WorkerOptions) {
    this.name = options.name;
    const execArgv = ["--expose-gc", ...(options.nodeOptions ?? [])];
    if (options.profileTo !== undefined) {
      execArgv.push("--cpu-prof", `--cpu-prof-dir=${options.profileTo}`);
      execArgv.push(`--cpu-prof-name=${options.name.replace(/\W+/g, "-")}.cpuprofile`);
    }
    const stdio = ["ignore", "inherit", "pipe", "ipc"] as const;
    const enter = options.namespace === undefined ? [] : ["ip", "netns", "exec", options.namespace];
    const nice = options.isUrgent ? ["nice", "-n", "-15"] : [];
    const [execPath = process.execPath, ...before] = [...enter, ...nice, process.execPath];
    this.child = fork(options.script, options.parameters ?? [], {
      execPath,
      execArgv: [...before, ...execArgv],
      stdio: [...stdio],
    });
    this.child.stderr?.on("data", (text: Buffer) => {
      this.errors = (this.errors + text.toString()).slice(-2_000);
    });
    this.child.on("message", (message: Answer) => this.answered(message));
    this.child.on("exit", (code, signal) => {
      this.fail(new Error(`The process ${this.name} ended (${signal ?? code}). ${this.errors}`.trim()));
    });
  }

  /** Resolves when the process is ready for calls. */
  static async start<Role extends { [Name in keyof Role]: Methods[string] }>(
    options: WorkerOptions,
  ): Promise<Worker<Role & CommonRole>> {
    const worker = new Worker<Role & CommonRole>(options);
    await worker.wait(0, startSeconds);
    return worker;
  }

  call<Name extends keyof Role & string>(
    method: Name,
    ...parameters: Parameters<Role[Name]>
  ): Promise<Awaited<ReturnType<Role[Name]>>> {
    if (this.ending !== null) return Promise.reject(this.ending);
    const id = this.nextId++;
    const answer = this.wait(id, callSeconds);
    this.child.send({ id, method, parameters });
    return answer as Promise<Awaited<ReturnType<Role[Name]>>>;
  }

  get isOver(): boolean {
    return this.ending !== null;
  }

  /** Ends the process; resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.send({ id: -1, method: "exit", parameters: [] });
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
  }

  private wait(id: number, seconds: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.fail(new Error(`The process ${this.name} gave no answer within ${seconds} s`));
        this.child.kill("SIGKILL");
      }, seconds * 1_000);
      this.pending.set(id, { resolve, reject, timer });
    });
  }

  private answered(answer: Answer): void {
    const pending = this.pending.get(answer.id);
    if (pending === undefined) return;
    this.pending.delete(answer.id);
    clearTimeout(pending.timer);
    if ("failure" in answer) pending.reject(new Error(`${this.name}: ${answer.failure}`));
    else pending.resolve(answer.result);
  }

  private fail(error: Error): void {
    this.ending ??= error;
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(this.ending);
    }
    this.pending.clear();
  }
}

const startSeconds = 20;
const callSeconds = 60;
