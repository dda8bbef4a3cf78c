// The part of Deno's API that this adapter uses, declared here so that the package needs no types of Deno and adds
// no globals.

import { NetError } from "../../core/net/index.ts";

export interface DenoAddr {
  readonly hostname: string;
  readonly port: number;
}

export interface DenoConn {
  readonly localAddr: DenoAddr;
  readonly remoteAddr: DenoAddr;
  read(into: Uint8Array): Promise<number | null>;
  /** May be short. */
  write(from: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean): void;
  ref(): void;
  unref(): void;
}

export interface DenoListener {
  readonly addr: DenoAddr;
  /** One at a time. */
  accept(): Promise<DenoConn>;
  close(): void;
  ref(): void;
  unref(): void;
}

export interface DenoConnectOptions {
  readonly hostname: string;
  readonly port: number;
  readonly signal?: AbortSignal;
  readonly autoSelectFamily?: boolean;
  readonly autoSelectFamilyAttemptDelay?: number;
}

export interface DenoListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort?: boolean;
  readonly tcpBacklog?: number;
}

export interface DenoApi {
  connect(options: DenoConnectOptions): Promise<DenoConn>;
  listen(options: DenoListenOptions): DenoListener;
}

/** @throws {NetError} `ENOTSUP` in another runtime. */
export function denoApi(): DenoApi {
  const { Deno } = globalThis as { readonly Deno?: DenoApi };
  if (typeof Deno?.connect !== "function") {
    throw new NetError(
      "ENOTSUP",
      'This runtime is not Deno: import "fourtuple", which finds the sockets of each',
    );
  }
  return Deno;
}

/**
 * Whether Deno runs with `--unstable-net`. Without it Deno.listen({ reusePort: true }) ends the whole process, and
 * the flag shows only in what else it brings.
 */
export function hasReusePort(): boolean {
  const { Deno } = globalThis as { readonly Deno?: { readonly listenDatagram?: unknown } };
  return typeof Deno?.listenDatagram === "function";
}
