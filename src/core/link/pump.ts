// The sending half of a turn: draws packets from the rings of the ports into messages, by the order of the scheduler
// and within each link's budget. State moves only when a packet is written, so what does not fit costs nothing.

import type { Micros } from "./clock.ts";
import type { Flow } from "./flow.ts";
import type { LinkPort } from "./link-port.ts";

/** Sends what the ports may send now, and hands every message under way to its link. */
export function pump(ports: readonly LinkPort[], now: Micros): void {
  if (ports.length === 1) {
    while (pumpOne(ports[0], now)) {}
  } else if (ports.length > 1) {
    pumpLeastLoaded(ports, now);
  }
  for (const port of ports) port.send(now);
}

/** Packet by packet to the port with the shortest queue: a reliable route spreads over all its links. */
function pumpLeastLoaded(ports: readonly LinkPort[], now: Micros): void {
  const open = ports.filter((port) => !port.isOverdue(now));
  // What is put on a link that stands still makes all behind it wait: only what is bound to it goes there.
  if (open.length === 0) open.push(...ports);
  else for (const port of ports) if (!open.includes(port)) while (!port.ring.isEmpty && pumpOne(port, now)) {}
  while (open.length > 0) {
    let best = 0;
    let load = open[0].load;
    for (let i = 1; i < open.length; i++) {
      const other = open[i].load;
      if (other >= load) continue;
      best = i;
      load = other;
    }
    if (!pumpOne(open[best], now)) open.splice(best, 1);
  }
}

/** Writes one packet, or takes note that a flow has none. False: nothing more can go on this port now. */
function pumpOne(port: LinkPort, now: Micros): boolean {
  if (port.isMessageLong) port.send(now);
  if (!port.hasRoom) return false;
  const { segmentLimit } = port;
  const flow = port.rings.next(segmentLimit + HEADERS);
  if (flow === null) {
    port.onIdle();
    return false;
  }
  const allowance = port.allowance(flow.place);
  if (allowance <= 0) return false;
  const { writer } = port;
  const wanted = HEADERS + Math.min(flow.backlog, segmentLimit);
  while (writer.room < wanted && writer.grow()) {}
  const room = Math.min(writer.room, allowance);
  const length = flow.transmit(now, writer.slab, writer.at, room, port.id, segmentLimit);
  if (length > 0) {
    writer.at += length;
    port.packetBytes += length;
    flow.ring?.served(flow, length);
  } else if (length === 0) {
    flow.ring?.leave(flow);
  } else {
    return makeRoom(port, flow, room === allowance && allowance < writer.room, now);
  }
  return true;
}

/** The next packet does not fit: into the budget, into the memory at hand, or into this message. */
function makeRoom(port: LinkPort, flow: Flow, isBudget: boolean, now: Micros): boolean {
  if (isBudget) return false;
  const { writer } = port;
  if (writer.grow()) return true;
  if (writer.length === 0) {
    // It would not fit any message: such a source would block all others.
    flow.ring?.leave(flow);
    return true;
  }
  port.send(now);
  return port.hasRoom;
}

/** IPv6 and TCP with all its options. */
const HEADERS = 100;
