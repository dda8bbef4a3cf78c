// resolve and resolved: a name to dial is bound to a handle, an address of the handles' prefix that the client
// chooses (docs/protocol.md §6.1). `resolve` shares a message with the first SYN to the handle.
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { FieldReader, printable, type Read } from "./fields.ts";
import { textLength } from "./handshake-messages.ts";

export interface Resolve {
  readonly id: number;
  readonly name: string;
  readonly handle: IpAddress;
}

/** The answer. Without a code the handle is bound; the name itself is looked up when a SYN arrives. */
export interface Resolved {
  readonly id: number;
  readonly code: string | undefined;
  readonly text: string | undefined;
}

export function writeResolve(resolve: Resolve): ControlMessage {
  return { id: resolve.id, name: resolve.name, handle: resolve.handle.toString() };
}

export function readResolve(message: ControlMessage): Read<Resolve> {
  const fields = new FieldReader("resolve", message);
  return fields.finish({
    id: fields.integer("id", 0, 2 ** 48),
    name: fields.text("name", 255),
    handle: fields.address("handle"),
  });
}

export function writeResolved(resolved: Resolved): ControlMessage {
  if (resolved.code === undefined) return { id: resolved.id };
  return { id: resolved.id, code: resolved.code, text: printable(resolved.text ?? "", textLength) };
}

export function readResolved(message: ControlMessage): Read<Resolved> {
  const fields = new FieldReader("resolved", message);
  return fields.finish({
    id: fields.integer("id", 0, 2 ** 48),
    code: fields.optionalText("code", 64),
    text: fields.optionalText("text", textLength),
  });
}
