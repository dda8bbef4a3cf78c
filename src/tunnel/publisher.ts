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

/** What is to be published. */
export interface PublishWish {
  readonly place: SocketAddr;
  /** The tunnel's port. */
  readonly local: number;
  /** It was published, and is no more: the relay was started anew and could not publish it again. */
  lost(error: NetError): void;
}

interface Pending {
  readonly wish: PublishWish;
  resolve(publication: Publication): void;
  reject(error: unknown): void;
}

export class Publisher {
  private readonly send: (type: number, message: ControlMessage) => void;
  private readonly pending = new Map<number, Pending>();
  /** What is published, and where. */
  private readonly active = new Map<number, { readonly wish: PublishWish; published: SocketAddr }>();
  private nextId = 1;

  constructor(send: (type: number, message: ControlMessage) => void) {
    this.send = send;
  }

  /** Rejects with the relay's error, or with `signal.reason`; nothing is published then. */
  publish(wish: PublishWish, signal?: AbortSignal): Promise<Publication> {
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
        wish,
        resolve: (publication) => {
          done();
          resolve(publication);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.ask(id, wish.place, wish.local);
    });
  }

  /** The relay knows nothing of what was published: it is asked again, for the same ports. */
  beginAnew(): void {
    for (const [id, { wish, published }] of this.active) this.ask(id, published, wish.local);
    for (const [id, { wish }] of this.pending) this.ask(id, wish.place, wish.local);
  }

  private ask(id: number, place: SocketAddr, local: number): void {
    this.send(SessionType.publish, writePublish({ id, host: place.hostname, port: place.port, local }));
  }

  unpublish(id: number): void {
    this.active.delete(id);
    this.send(SessionType.unpublish, writeUnpublish({ id }));
  }

  published(answer: Published): void {
    const { id } = answer;
    const read = readAnswer(answer, this.pending.get(id)?.wish ?? this.active.get(id)?.wish);
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (read instanceof SocketAddr) {
      if (pending === undefined) {
        const active = this.active.get(id);
        if (active !== undefined) active.published = read;
        return;
      }
      this.active.set(id, { wish: pending.wish, published: read });
      pending.resolve({ id, published: read });
      return;
    }
    if (answer.code === undefined) this.unpublish(id);
    const active = this.active.get(id);
    this.active.delete(id);
    if (pending !== undefined) pending.reject(read);
    else active?.wish.lost(read);
  }

  /** The tunnel is over. */
  end(error: NetError | null): void {
    for (const pending of this.pending.values()) {
      const localAddr = pending.wish.place;
      pending.reject(error ?? failure("ERR_SOCKET_CLOSED", { op: "bind", localAddr }));
    }
    this.pending.clear();
    this.active.clear();
  }
}

/** Where it is published, or why it is not. */
function readAnswer(answer: Published, wish: PublishWish | undefined): SocketAddr | NetError {
  const { code, host, port, text, rule } = answer;
  if (code === undefined && host !== undefined && port !== undefined) {
    try {
      return new SocketAddr(host, port);
    } catch (error) {
      return new NetError("EPROTO", "Cannot publish: the relay answered with no address", { cause: error });
    }
  }
  return failure(code ?? "EPROTO", {
    op: "bind",
    localAddr: wish?.place,
    target: wish === undefined ? undefined : `${wish.place} at the relay`,
    reason: text === "" ? undefined : text,
    rule,
  });
}
