// Names in a file such as /etc/hosts, between two lines that say whose they are, until the end.
import { readFileSync, writeFileSync } from "node:fs";
import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-codes.ts";

export interface HostLine {
  readonly address: string;
  readonly name: string;
}

export function hostText({ address, name }: HostLine): string {
  return `${address} ${name}`;
}

export class HostsFile {
  private readonly path: string;
  /** Tells the lines of several commands apart. */
  private readonly begin: string = `# fourtuple tun ${process.pid}: begin`;
  private readonly end: string = `# fourtuple tun ${process.pid}: end`;
  private isWritten: boolean = false;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws {CliError} */
  write(lines: readonly HostLine[]): void {
    const text = this.without(this.read());
    const gap = text === "" || text.endsWith("\n") ? "" : "\n";
    const block = [this.begin, ...lines.map(hostText), this.end, ""].join("\n");
    this.attempt(() => writeFileSync(this.path, `${text}${gap}${block}`));
    this.isWritten = true;
  }

  /** Takes the lines away again; what others wrote meanwhile stays. */
  restore(): void {
    if (!this.isWritten) return;
    this.isWritten = false;
    this.attempt(() => writeFileSync(this.path, this.without(this.read())));
  }

  private read(): string {
    return this.attempt(() => readFileSync(this.path, "utf8"));
  }

  private without(text: string): string {
    const from = text.indexOf(`${this.begin}\n`);
    const to = text.indexOf(`${this.end}\n`, from);
    return from < 0 || to < 0 ? text : text.slice(0, from) + text.slice(to + this.end.length + 1);
  }

  private attempt<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw new CliError(ExitCode.usage, `Cannot write ${this.path}: ${(error as Error).message}`);
    }
  }
}
