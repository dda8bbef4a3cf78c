// The local service that expose passes connections on to: one place, or for a port alone both loopback addresses,
// because many servers for development listen on one of the two.
import { InvalidArgumentError } from "commander";
import { nodeNetwork } from "../adapters/node/index.ts";
import { failure } from "../core/net/index.ts";
import { NetError, SocketAddr, type TcpStream } from "../index.node.ts";
import { parseAddress } from "./arguments.ts";

export class Service {
  readonly port: number;
  private readonly places: readonly SocketAddr[];

  constructor(places: readonly SocketAddr[]) {
    this.places = places;
    this.port = places[0].port;
  }

  /** "3000", "127.0.0.1:3000", "printer.local:9100". */
  static parse(text: string): Service {
    const addr = parseAddress(text);
    if (addr.port === 0) throw new InvalidArgumentError("the port of a service is 1 to 65535");
    const isPortAlone = addr.hostname === "";
    return new Service(isPortAlone ? loopbacks.map((host) => new SocketAddr(host, addr.port)) : [addr]);
  }

  toString(): string {
    return this.places.length === 1 ? `${this.places[0]}` : `localhost:${this.port}`;
  }

  /** The first place that answers. @throws {NetError} which names all of them. */
  async connect(timeout: number): Promise<TcpStream> {
    let error: NetError | null = null;
    for (const place of this.places) {
      try {
        return await nodeNetwork.connect(place, { timeout });
      } catch (reason) {
        if (!NetError.is(reason)) throw reason;
        // Of the two loopbacks the second may be missing altogether, which says nothing of the service.
        error ??= reason;
      }
    }
    if (error === null || this.places.length === 1) throw error;
    throw failure(error.code, { op: "connect", target: this.places.join(" or "), cause: error });
  }

  /** Why nothing answers there; null when something does. */
  async look(timeout: number): Promise<NetError | null> {
    try {
      const stream = await this.connect(timeout);
      stream.close().catch(() => {});
      return null;
    } catch (error) {
      if (NetError.is(error)) return error;
      throw error;
    }
  }
}

const loopbacks = ["127.0.0.1", "::1"] as const;
