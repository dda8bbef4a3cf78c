// A host and a port, in one value and every spelling: text, { hostname, port }, Deno.NetAddr. The host is an IP
// address or a name; looking names up is a network's work. No private members: two copies stay assignable.

import { IpAddress } from "../wire/ip-address.ts";

/** `"1.2.3.4:80"`, `"[::1]:80"`, `"db.internal:5432"`, `":8080"`, or an object; without a hostname: any. */
export type SocketAddrLike = string | { readonly hostname?: string | undefined; readonly port: number };

export class SocketAddr {
  /** Makes it a `Deno.NetAddr`. */
  readonly transport: "tcp" = "tcp";
  /** An IP address in canonical text, never in brackets, or a name. Empty: left to the network. */
  readonly hostname: string;
  readonly port: number;

  /**
   * @param hostname An IP address, with or without brackets, or a name.
   * @param port 0 to 65535.
   * @throws {TypeError} when the host cannot be one.
   * @throws {RangeError} `ERR_SOCKET_BAD_PORT`.
   */
  constructor(hostname: string, port: number) {
    this.hostname = checkHostname(hostname);
    this.port = checkPort(port, port);
  }

  /** Of an IP address; undefined for a name. */
  get family(): "IPv4" | "IPv6" | undefined {
    if (this.hostname.includes(":")) return "IPv6";
    return IpAddress.parse(this.hostname) === null ? undefined : "IPv4";
  }

  /** From any spelling. A SocketAddr comes back as it is. */
  static from(addr: SocketAddrLike): SocketAddr {
    if (addr instanceof SocketAddr) return addr;
    if (typeof addr === "string") return SocketAddr.parse(addr);
    if (typeof addr !== "object" || addr === null) {
      throw new TypeError(
        `Invalid address of type ${typeof addr}: expected "host:port" or { hostname, port }`,
      );
    }
    if ("host" in addr) {
      throw new TypeError('Cannot use "host" in an address: the property is named "hostname"');
    }
    return new SocketAddr(addr.hostname ?? "", addr.port);
  }

  /**
   * Reads `"1.2.3.4:80"`, `"[::1]:80"`, `"db.internal:5432"`, `":8080"`.
   *
   * @throws {TypeError} naming what is missing.
   * @throws {RangeError} `ERR_SOCKET_BAD_PORT`.
   */
  static parse(text: string): SocketAddr {
    if (typeof text !== "string") {
      throw new TypeError(`Invalid address of type ${typeof text}: expected a string such as "127.0.0.1:80"`);
    }
    const colon = text.lastIndexOf(":");
    const host = text.slice(0, Math.max(colon, 0));
    if (text.includes("/")) {
      throw new TypeError(`Cannot parse address "${text}": expected "host:port", not a URL or a path`);
    }
    if (host.includes(":") && !host.startsWith("[")) {
      throw new TypeError(
        `Cannot parse address "${text}": write an IPv6 address in brackets, as in "[::1]:80"`,
      );
    }
    const port = text.slice(colon + 1);
    if (colon < 0 || text.endsWith("]") || port === "") {
      throw new TypeError(`Cannot parse address "${text}": the port is missing, as in "127.0.0.1:80"`);
    }
    return new SocketAddr(host, checkPort(/^[0-9]{1,5}$/.test(port) ? Number(port) : Number.NaN, text));
  }

  /** The same host and port, whatever the spelling. Names are compared without regard to case, not looked up. */
  equals(other: SocketAddrLike): boolean {
    const that = SocketAddr.from(other);
    return this.port === that.port && this.hostname.toLowerCase() === that.hostname.toLowerCase();
  }

  /** This address, or with `hostname` in place of an empty one. */
  withDefaultHostname(hostname: string): SocketAddr {
    return this.hostname === "" ? new SocketAddr(hostname, this.port) : this;
  }

  /** `"1.2.3.4:80"`, `"[::1]:80"`, `"db.internal:5432"`, `":8080"`. */
  toString(): string {
    return this.hostname.includes(":") ? `[${this.hostname}]:${this.port}` : `${this.hostname}:${this.port}`;
  }

  toJSON(): { hostname: string; port: number } {
    return { hostname: this.hostname, port: this.port };
  }
}

function checkHostname(hostname: string): string {
  if (typeof hostname !== "string") {
    throw new TypeError(`Invalid hostname of type ${typeof hostname}: expected a string`);
  }
  const bracketed = hostname.startsWith("[") && hostname.endsWith("]");
  const host = bracketed ? hostname.slice(1, -1) : hostname;
  if (bracketed || host.includes(":")) {
    const address = IpAddress.parse(host);
    if (address?.family !== 6) throw new TypeError(`Invalid hostname "${hostname}": not an IPv6 address`);
    return address.toString();
  }
  if (host.length > longestName || notInNames.test(host)) {
    throw new TypeError(`Invalid hostname "${hostname.slice(0, longestName)}": not an IP address or a name`);
  }
  return host;
}

function checkPort(port: number, given: unknown): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  if (typeof port !== "number") {
    throw new TypeError(`Invalid port of type ${typeof port}: expected a number`);
  }
  const where = typeof given === "string" ? `in "${given}"` : String(given);
  const error = new RangeError(`Invalid port ${where}: expected an integer from 0 to 65535`);
  throw Object.assign(error, { code: "ERR_SOCKET_BAD_PORT" });
}

/** RFC 1035: 255 octets, 253 in text; one more for a trailing dot. */
const longestName = 254;
/** Whatever no name or address holds: blanks, controls, and what would make it a URL or a path. */
const notInNames = /[\s\p{Cc}/\\@?#[\]%<>^|"]/u;
