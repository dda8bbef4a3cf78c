// Every connection of the tunnel's stack, live: from the stack's segment events and from a tap on the link.

import type { Tunnel } from "fourtuple";
import {
  type Connection,
  type Link,
  type LinkDialer,
  Packet,
  parsePacket,
  systemClock,
} from "fourtuple/core";
import { tapLink } from "fourtuple/sim";
import { ConnectionModel } from "./connection-model.ts";

export class ConnectionWatch {
  /** The latest first; the oldest closed ones give way. */
  readonly models: ConnectionModel[] = [];
  private readonly byConnection = new WeakMap<Connection, ConnectionModel>();
  private readonly byTuple = new Map<string, ConnectionModel>();
  private readonly packet = new Packet();
  /** Packets of a connection's first turn pass before its first event. */
  private early: { readonly key: string; readonly at: number; direction: "in" | "out"; bytes: Uint8Array }[] =
    [];

  /** A dialer whose links are seen. */
  through(dialer: LinkDialer): LinkDialer {
    return {
      description: dialer.description,
      dial: async (options) => this.tap(await dialer.dial(options)),
    };
  }

  observe(tunnel: Tunnel): void {
    tunnel.driver.stack.observer = (event) => {
      this.model(event.connection, event.now).segment(event);
    };
  }

  private tap(link: Link): Link {
    return tapLink(link, {
      packet: (direction, bytes, start, end) => {
        if (parsePacket(this.packet, bytes, start, end, false) !== 0) return;
        const at = systemClock.now();
        const key = this.keyOf(direction);
        const model = this.byTuple.get(key);
        if (model !== undefined) model.packet(at, direction, bytes, start, end);
        else {
          this.early.push({ key, at, direction, bytes: bytes.slice(start, end) });
          if (this.early.length > MOST_EARLY) this.early.shift();
        }
      },
    });
  }

  private keyOf(direction: "in" | "out"): string {
    const { packet } = this;
    const { tcp } = packet;
    return direction === "out"
      ? `${tcp.sourcePort} ${packet.destination()} ${tcp.destinationPort}`
      : `${tcp.destinationPort} ${packet.source()} ${tcp.sourcePort}`;
  }

  private model(connection: Connection, now: number): ConnectionModel {
    const known = this.byConnection.get(connection);
    if (known !== undefined) return known;
    const { localPort, remote, remotePort } = connection;
    const model = new ConnectionModel(connection, now);
    const key = `${localPort} ${remote} ${remotePort}`;
    this.byConnection.set(connection, model);
    this.byTuple.set(key, model);
    this.models.unshift(model);
    for (const packet of this.early) {
      if (packet.key === key) model.packet(packet.at, packet.direction, packet.bytes, 0, packet.bytes.length);
    }
    this.early = this.early.filter((packet) => packet.key !== key);
    this.forgetOldest();
    return model;
  }

  private forgetOldest(): void {
    if (this.models.length <= MOST_CONNECTIONS) return;
    // From the end, where the oldest stand, the first that is over; else the oldest.
    let index = this.models.length - 1;
    while (index > 0 && !isOver(this.models[index])) index--;
    const [gone] = this.models.splice(index === 0 ? this.models.length - 1 : index, 1);
    if (gone === undefined) return;
    for (const [key, model] of this.byTuple) if (model === gone) this.byTuple.delete(key);
  }
}

function isOver(model: ConnectionModel | undefined): boolean {
  const state = model?.connection.state;
  return state === "CLOSED" || state === "TIME-WAIT";
}

const MOST_CONNECTIONS = 50;
const MOST_EARLY = 64;
