// What the relay told of flows (`opened`, `failed`), until the connection that it belongs to takes it. It comes before
// the packet it is about, so a lookup is all that is needed.
import type { ConnectionSource } from "../core/link/connection-source.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import { type Failed, flowKey, type Opened } from "./flow-messages.ts";

export class FlowTable {
  /** Connections under way from here. */
  private readonly dials = new Map<
    string,
    { readonly source: ConnectionSource; readonly target: SocketAddr }
  >();
  /** Connections that come, between `opened` and accept. */
  private readonly announced = new Map<string, Opened>();

  /** Gives what dialled() takes. */
  dialling(source: ConnectionSource, target: SocketAddr): string {
    const key = keyOf(source);
    this.dials.set(key, { source, target });
    return key;
  }

  dialled(key: string): void {
    this.dials.delete(key);
  }

  opened(opened: Opened): void {
    const key = flowKey(opened.local, opened.address.toString(), opened.port);
    const dial = this.dials.get(key);
    if (dial !== undefined) {
      const real = peerOf(opened);
      if (real !== undefined) dial.source.describe(real);
      return;
    }
    this.announced.delete(key);
    this.announced.set(key, opened);
    if (this.announced.size > announcedLimit) {
      for (const oldest of this.announced.keys()) {
        this.announced.delete(oldest);
        break;
      }
    }
  }

  failed(failed: Failed): void {
    const dial = this.dials.get(flowKey(failed.local, failed.address.toString(), failed.port));
    if (dial === undefined) return;
    dial.source.explain(
      failure(failed.code, {
        op: "connect",
        peerAddr: dial.target,
        reason: failed.text === "" ? undefined : failed.text,
        rule: failed.rule,
        retryAfter: failed.retryAfter,
      }),
    );
  }

  /** Gives an accepted connection what was announced of it. */
  describe(source: ConnectionSource): void {
    const key = keyOf(source);
    const opened = this.announced.get(key);
    if (opened === undefined) return;
    this.announced.delete(key);
    const address = peerOf(opened) ?? source.peerAddr;
    source.describe(address, { name: opened.name, subject: opened.subject, address });
  }

  clear(): void {
    this.dials.clear();
    this.announced.clear();
  }
}

function keyOf(source: ConnectionSource): string {
  const { connection } = source;
  return flowKey(connection.localPort, connection.remote.toString(), connection.remotePort);
}

/** The real end outside, when the relay told one that can be an address. */
function peerOf(opened: Opened): SocketAddr | undefined {
  if (opened.peerHost === undefined || opened.peerPort === undefined) return undefined;
  try {
    return new SocketAddr(opened.peerHost, opened.peerPort);
  } catch {
    return undefined;
  }
}

/** More than this wait for accept only when somebody floods. */
const announcedLimit = 4_096;
