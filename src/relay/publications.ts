// Listeners of a tunnel that are reachable by plain TCP at the relay (docs/protocol.md §6.3). The relay dials into
// the tunnel from the gateway's own address, and `opened` tells who it is for. Bound to loopback unless a rule allows
// more.
import type { ConnectionSource } from "../core/link/connection-source.ts";
import { NetError } from "../core/net/net-error.ts";
import { reasonOf } from "../core/net/net-error-messages.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import type { TcpListener } from "../core/net/tcp-listener.ts";
import type { TcpStream } from "../core/net/tcp-stream.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { SessionType } from "../tunnel/control-types.ts";
import { writeOpened } from "../tunnel/flow-messages.ts";
import { type Publish, writePublished } from "../tunnel/publish-messages.ts";
import type { Hub } from "./hub.ts";
import type { RelaySession } from "./session.ts";

interface Publication {
  readonly id: number;
  readonly local: number;
  listener: TcpListener | null;
  /** Taken back, perhaps before it listened. */
  isEnded: boolean;
  /** Connections that the tunnel has not answered yet. */
  pending: number;
}

export class Publications {
  private readonly hub: Hub;
  private readonly session: RelaySession;
  private all: Map<number, Publication> | null = null;

  constructor(hub: Hub, session: RelaySession) {
    this.hub = hub;
    this.session = session;
  }

  publish(publish: Publish): void {
    this.all ??= new Map();
    if (this.all.has(publish.id)) {
      this.refuse(publish.id, "EINVAL", "this id is published already");
      return;
    }
    if (this.all.size >= this.hub.limits.publications) {
      this.refuse(publish.id, "ERR_LIMIT", `more than ${this.hub.limits.publications} published ports`);
      return;
    }
    const publication: Publication = {
      id: publish.id,
      local: publish.local,
      listener: null,
      isEnded: false,
      pending: 0,
    };
    this.all.set(publish.id, publication);
    void this.listen(publication, publish.host, publish.port);
  }

  unpublish(id: number): void {
    const publication = this.all?.get(id);
    if (publication === undefined) return;
    this.all?.delete(id);
    publication.isEnded = true;
    void publication.listener?.close();
  }

  end(): void {
    for (const id of [...(this.all?.keys() ?? [])]) this.unpublish(id);
  }

  private async listen(publication: Publication, host: string, port: number): Promise<void> {
    const { hub, session } = this;
    const { id } = publication;
    try {
      const address = addressOf(host);
      if (address === null) throw new NetError("EINVAL", `"${host}" is not an address to listen on`);
      const decision = await hub.policy.authorize(session.principal, { kind: "publish", address, port });
      if (publication.isEnded) return;
      if (!decision.allowed) {
        this.all?.delete(id);
        hub.counters.publicationsDenied++;
        this.refuse(id, "ERR_DENIED", decision.text, decision.rule);
        return;
      }
      const listener = await hub.network.bind(new SocketAddr(address.toString(), port));
      if (publication.isEnded) {
        await listener.close();
        return;
      }
      publication.listener = listener;
      hub.counters.publications++;
      const { hostname, port: bound } = listener.localAddr;
      hub.log("info", "published", { session: session.id, name: session.name, hostname, port: bound });
      session.sendControl(
        SessionType.published,
        writePublished({
          id,
          host: hostname,
          port: bound,
          code: undefined,
          text: undefined,
          rule: undefined,
        }),
      );
      await this.serve(publication, listener);
    } catch (error) {
      if (publication.isEnded) return;
      this.all?.delete(id);
      hub.counters.publicationsFailed++;
      const code = NetError.is(error) ? error.code : "EADDRNOTAVAIL";
      this.refuse(id, code, code === "EINVAL" && NetError.is(error) ? error.message : reasonOf(code));
    }
  }

  private async serve(publication: Publication, listener: TcpListener): Promise<void> {
    // Borrowed: unpublish() closes it, which ends the loop.
    for await (const real of listener.incoming()) void this.pass(publication, real);
  }

  private async pass(publication: Publication, real: TcpStream): Promise<void> {
    const { hub, session } = this;
    const limited = session.gateway.limited();
    if (limited !== null || publication.pending >= hub.limits.publishedPending || !session.isOpen) {
      hub.counters.publishedLimited++;
      real.abort();
      return;
    }
    hub.counters.publishedAccepted++;
    session.gateway.opened();
    publication.pending++;
    try {
      const source = session.driver.dial({
        remote: session.address,
        remotePort: publication.local,
        local: hub.addresses.gateway,
      });
      session.sendControl(
        SessionType.opened,
        writeOpened({
          local: publication.local,
          address: hub.addresses.gateway,
          port: source.connection.localPort,
          name: undefined,
          subject: undefined,
          peerHost: real.peerAddr.hostname,
          peerPort: real.peerAddr.port,
        }),
      );
      await this.answered(source);
      hub.counters.publishedOpened++;
      session.gateway.join(source, real);
    } catch {
      hub.counters.publishedFailed++;
      session.gateway.closed();
      real.abort();
    } finally {
      publication.pending--;
    }
  }

  /** While the tunnel has no link the connection waits for it, and then as long as any other. */
  private async answered(source: ConnectionSource): Promise<void> {
    const { session } = this;
    const { clock, limits } = this.hub;
    const began = clock.now();
    const controller = new AbortController();
    const look = (): void => {
      const since = session.attachedSince;
      const until =
        since === null
          ? began + limits.detachedWait * 1_000
          : Math.max(began, since) + limits.dialTime * 1_000;
      if (clock.now() >= until) controller.abort();
      else timer = clock.schedule(until, look);
    };
    let timer = clock.schedule(began + Math.min(limits.dialTime, limits.detachedWait) * 1_000, look);
    try {
      await source.connected({ signal: controller.signal });
    } finally {
      clock.cancel(timer);
    }
  }

  private refuse(id: number, code: string, text: string, rule?: string): void {
    this.session.sendControl(
      SessionType.published,
      writePublished({ id, host: undefined, port: undefined, code, text, rule }),
    );
  }
}

/** Where to listen: an empty host is loopback, "localhost" too; names are not looked up. */
function addressOf(host: string): IpAddress | null {
  if (host === "" || host.toLowerCase() === "localhost") return IpAddress.LOOPBACK_V4;
  const address = IpAddress.parse(host);
  return address === null || address.zone !== null ? null : (address.toIpv4() ?? address);
}
