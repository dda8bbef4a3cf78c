// Which listener takes a SYN: the one of its address, else the one of every address; and which listeners have a
// connection that waits for accept().

import type { IpAddress } from "../wire/ip-address.ts";
import { StackError } from "./errors.ts";
import { Listener, type ListenOptions } from "./listener.ts";
import type { SynCookies } from "./syn-cookies.ts";

/** Of all stacks that never listen, as a gateway's: nothing is ever put into it. */
const NOBODY: Map<number, Listener[]> = new Map();

export class ListenerTable {
  private byPort: Map<number, Listener[]> = NOBODY;
  private acceptable: Listener[] = [];
  private readonly synCookies: SynCookies;

  constructor(synCookies: SynCookies) {
    this.synCookies = synCookies;
  }

  /** @param choosePort gives a free ephemeral port by a test of its own, 0 when there is none */
  listen(options: ListenOptions, choosePort: (isFree: (port: number) => boolean) => number): Listener {
    const { address } = options;
    const port =
      options.port === 0 ? choosePort((candidate) => !this.isListening(address, candidate)) : options.port;
    if (port === 0) throw new StackError("EADDRNOTAVAIL", "no free port");
    if (this.isListening(address, port)) throw new StackError("EADDRINUSE", `port ${port} is in use`);
    const listener = new Listener(port, options, this.synCookies, (closed) => this.forget(closed));
    const others = this.byPort.get(port);
    if (this.byPort === NOBODY) this.byPort = new Map();
    if (others === undefined) this.byPort.set(port, [listener]);
    else others.push(listener);
    return listener;
  }

  find(local: IpAddress, port: number): Listener | null {
    const candidates = this.byPort.get(port);
    if (candidates === undefined) return null;
    return (
      candidates.find((listener) => listener.address?.equals(local)) ??
      candidates.find((listener) => listener.address === null) ??
      null
    );
  }

  hasPort(port: number): boolean {
    return this.byPort.has(port);
  }

  /** A connection waits for accept(). */
  becameAcceptable(listener: Listener): void {
    if (listener.isAcceptable) return;
    listener.isAcceptable = true;
    this.acceptable.push(listener);
  }

  takeAcceptable(): Listener | null {
    const listener = this.acceptable.shift() ?? null;
    if (listener !== null) listener.isAcceptable = false;
    return listener;
  }

  get count(): number {
    let count = 0;
    for (const listeners of this.byPort.values()) count += listeners.length;
    return count;
  }

  closeAll(now: number): void {
    for (const listeners of [...this.byPort.values()]) for (const listener of listeners) listener.close(now);
  }

  private isListening(address: IpAddress | null, port: number): boolean {
    const others = this.byPort.get(port);
    if (others === undefined) return false;
    return others.some(
      (other) => other.address === null || address === null || other.address.equals(address),
    );
  }

  private forget(listener: Listener): void {
    const others = (this.byPort.get(listener.port) ?? []).filter((other) => other !== listener);
    if (others.length === 0) this.byPort.delete(listener.port);
    else this.byPort.set(listener.port, others);
  }
}
