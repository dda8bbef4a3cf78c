// Asks the relay to publish ports, and waits for its answers (docs/protocol.md §6.3). An answer that nobody waits for
// any more is taken back.
import type { ControlMessage } from "../core/link/control-codec.ts";
import { NetError } from "../core/net/net-error.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import { SessionType } from "./control-types.ts";
import { type Published, writePublish, writeUnpublish } from "./publish-messages.ts";

export interface Publication {
  readonly id: number;
  readonly published: SocketAddr;
}

interface Pending {
  readonly place: SocketAddr;
  resolve(publication: Publication): void;
  reject(error: unknown): void;
}

export class Publisher {
  private readonly send: (type: number, message: ControlMessage) => void;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  constructor(send: (type: number, message: ControlMessage) => void) {
    this.send = send;
  }

  /** Rejects with the relay's error, or with `signal.reason`; nothing is published then. */
  publish(place: SocketAddr, local: number, signal?: AbortSignal): Promise<Publication> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (!this.pending.delete(id)) return;
        this.unpublish(id);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const done = (): void => signal?.removeEventListener("abort", onAbort);
      this.pending.set(id, {
        place,
        resolve: (publication) => {
          done();
          resolve(publication);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.send(SessionType.publish, writePublish({ id, host: place.hostname, port: place.port, local }));
    });
  }

  unpublish(id: number): void {
    this.send(SessionType.unpublish, writeUnpublish({ id }));
  }

  published(answer: Published): void {
    const pending = this.pending.get(answer.id);
    if (pending === undefined) return;
    this.pending.delete(answer.id);
    if (answer.code !== undefined || answer.host === undefined || answer.port === undefined) {
      pending.reject(
        failure(answer.code ?? "EPROTO", {
          op: "bind",
          localAddr: pending.place,
          target: `${pending.place} at the relay`,
          reason: answer.text === "" ? undefined : answer.text,
          rule: answer.rule,
        }),
      );
      return;
    }
    try {
      pending.resolve({ id: answer.id, published: new SocketAddr(answer.host, answer.port) });
    } catch (error) {
      this.unpublish(answer.id);
      pending.reject(
        new NetError("EPROTO", "Cannot publish: the relay answered with no address", { cause: error }),
      );
    }
  }

  /** The tunnel is over. */
  end(error: NetError | null): void {
    for (const pending of this.pending.values()) {
      pending.reject(error ?? failure("ERR_SOCKET_CLOSED", { op: "bind", localAddr: pending.place }));
    }
    this.pending.clear();
  }
}
