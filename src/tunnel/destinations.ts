// Where packets for a host go: to a peer by name, to an address through the gateway, or to a handle that stands for
// a name (docs/protocol.md §3, §6.1).
import type { ControlMessage } from "../core/link/control-codec.ts";
import { failure } from "../core/net/net-error-messages.ts";
import { SocketAddr } from "../core/net/socket-addr.ts";
import { IpAddress } from "../core/wire/ip-address.ts";
import { peerAddress } from "./addresses.ts";
import { SessionType } from "./control-types.ts";
import { HandleTable } from "./handles.ts";
import type { Welcome } from "./handshake-messages.ts";
import { type Resolved, writeResolve } from "./name-messages.ts";
import { isPeerName, peerNameOf } from "./peer-name.ts";

export class Destinations {
  private readonly welcome: Welcome;
  private readonly send: (type: number, message: ControlMessage) => void;
  private readonly handles: HandleTable;
  /** Names whose binding the relay has not confirmed yet, by id. */
  private readonly unconfirmed = new Map<number, string>();
  private nextId = 1;

  constructor(welcome: Welcome, send: (type: number, message: ControlMessage) => void) {
    this.welcome = welcome;
    this.send = send;
    this.handles = new HandleTable(welcome.handles, welcome.limits.handles);
  }

  /** @throws {NetError} EINVAL for a host that cannot be one. */
  find(target: SocketAddr): IpAddress {
    const host = target.hostname;
    if (host === "") return this.welcome.address;
    const literal = IpAddress.parse(host);
    if (literal !== null) return this.findAddress(literal, target);
    const peer = peerNameOf(host);
    if (peer !== null) {
      if (!isPeerName(peer)) throw this.wrong(target, `"${peer}" is no name of a tunnel`);
      return peerAddress(this.welcome.network, this.welcome.peers, peer);
    }
    return this.findName(host);
  }

  /**
   * The other end as its stream and its errors name it, until the relay tells of a better address: what was dialled, not
   * the address behind a tunnel's name. An IPv4 address is itself in every notation.
   */
  peerAddr(target: SocketAddr): SocketAddr | undefined {
    const { hostname, port } = target;
    if (hostname === "") return undefined;
    const ipv4 = IpAddress.parse(hostname)?.toIpv4()?.toString() ?? hostname;
    return ipv4 === hostname ? target : new SocketAddr(ipv4, port);
  }

  /** A binding that was not taken is told again by the next connect. */
  resolved(resolved: Resolved): void {
    const name = this.unconfirmed.get(resolved.id);
    this.unconfirmed.delete(resolved.id);
    if (name !== undefined && resolved.code !== undefined) this.handles.forget(name);
  }

  /** The relay knows no binding any more: those of attempts under way are told at once, the others when needed. */
  beginAnew(pending: ReadonlySet<string>): void {
    this.unconfirmed.clear();
    for (const { name, handle } of this.handles.keepOnly(pending)) this.tell(name, handle);
  }

  private findName(name: string): IpAddress {
    const { handle, isNew } = this.handles.take(name.toLowerCase());
    if (isNew) this.tell(name, handle);
    return handle;
  }

  private tell(name: string, handle: IpAddress): void {
    const id = this.nextId++;
    this.unconfirmed.set(id, name.toLowerCase());
    this.send(SessionType.resolve, writeResolve({ id, name, handle }));
  }

  private findAddress(address: IpAddress, target: SocketAddr): IpAddress {
    if (address.zone !== null) throw this.wrong(target, "a zone means nothing beyond this machine");
    // No packet goes to such an address, but the relay can be asked, and says what is wrong with it.
    if (address.isUnspecified || address.isMulticast) return this.findName(target.hostname);
    const ipv4 = address.toIpv4();
    if (ipv4 !== null) return this.welcome.ipv4.embedIpv4(ipv4);
    return address;
  }

  private wrong(target: SocketAddr, reason: string): Error {
    return failure("EINVAL", { op: "connect", peerAddr: target, reason });
  }
}
