// route, going, bye: what is told of an address and of the session itself (docs/protocol.md §6.4).
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { FieldReader, printable, type Read } from "./fields.ts";
import { textLength } from "./handshake-messages.ts";

export const routeStates = ["attached", "detached", "gone"] as const;
export type RouteState = (typeof routeStates)[number];

/** What became of a peer's address. */
export interface RouteNotice {
  readonly address: IpAddress;
  readonly state: RouteState;
}

/** The relay is about to stop: go elsewhere within `spread` milliseconds, chosen at random. */
export interface Going {
  readonly spread: number;
  readonly alternates: readonly string[];
}

/** The end of the session, from either side. A closed WebSocket alone never means it. */
export interface Bye {
  readonly code: string | undefined;
  readonly text: string | undefined;
}

export function writeRoute(route: RouteNotice): ControlMessage {
  return { address: route.address.toString(), state: route.state };
}

export function readRoute(message: ControlMessage): Read<RouteNotice> {
  const fields = new FieldReader("route", message);
  return fields.finish({ address: fields.address("address"), state: fields.word("state", routeStates) });
}

export function writeGoing(going: Going): ControlMessage {
  return { spread: going.spread, alternates: [...going.alternates] };
}

export function readGoing(message: ControlMessage): Read<Going> {
  const fields = new FieldReader("going", message);
  const spread = fields.integer("spread", 0, 2 ** 31);
  const list = message["alternates"];
  const alternates: string[] = [];
  if (Array.isArray(list) && list.length <= 16) {
    for (const item of list) if (typeof item === "string" && item.length <= 2_048) alternates.push(item);
  }
  return fields.finish({ spread, alternates });
}

export function writeBye(bye: Bye): ControlMessage {
  if (bye.code === undefined) return {};
  return { code: bye.code, text: printable(bye.text ?? "", textLength) };
}

export function readBye(message: ControlMessage): Read<Bye> {
  const fields = new FieldReader("bye", message);
  return fields.finish({
    code: fields.optionalText("code", 64),
    text: fields.optionalText("text", textLength),
  });
}
