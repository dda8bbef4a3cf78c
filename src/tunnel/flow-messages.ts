// opened and failed: what the relay tells of one flow before the packet that it belongs to (docs/protocol.md
// §6.2). A flow is the tunnel's port, and the other end's overlay address and port.
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { FieldReader, printable, type Read } from "./fields.ts";
import { textLength } from "./handshake-messages.ts";

export interface Flow {
  /** The tunnel's own port. */
  readonly local: number;
  /** The other end as packets name it: a peer, a handle, an embedded IPv4 address, the gateway. */
  readonly address: IpAddress;
  readonly port: number;
}

/** Comes before a SYN to a listener, or before the gateway's SYN-ACK. */
export interface Opened extends Flow {
  /** The dialler's name and subject, as the relay attests them. */
  readonly name: string | undefined;
  readonly subject: string | undefined;
  /** The real end of a TCP connection outside: the destination dialled, or who dialled a published port. */
  readonly peerHost: string | undefined;
  readonly peerPort: number | undefined;
}

/** Comes before the RST or ICMP error that ends an attempt. */
export interface Failed extends Flow {
  readonly code: string;
  readonly text: string;
  readonly rule: string | undefined;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

/** One string for one flow, to look it up by. */
export function flowKey(local: number, address: string, port: number): string {
  return `${local} ${address} ${port}`;
}

export function writeOpened(opened: Opened): ControlMessage {
  // One literal: spreading an object and adding to it takes V8 far longer, and this is sent for every stream.
  const { local, address, port, name, subject, peerHost, peerPort } = opened;
  return { local, address: address.toString(), port, name, subject, peerHost, peerPort };
}

export function readOpened(message: ControlMessage): Read<Opened> {
  const fields = new FieldReader("opened", message);
  // Literals, here and below: see writeOpened().
  return fields.finish({
    local: fields.port("local"),
    address: fields.address("address"),
    port: fields.port("port"),
    name: fields.optionalText("name", 63),
    subject: fields.optionalText("subject", 253),
    peerHost: fields.optionalText("peerHost", 255),
    peerPort: fields.optionalInteger("peerPort", 0, 65_535),
  });
}

export function writeFailed(failed: Failed): ControlMessage {
  return {
    local: failed.local,
    address: failed.address.toString(),
    port: failed.port,
    code: failed.code,
    text: printable(failed.text, textLength),
    rule: failed.rule === undefined ? undefined : printable(failed.rule, textLength),
    retryAfter: failed.retryAfter,
  };
}

export function readFailed(message: ControlMessage): Read<Failed> {
  const fields = new FieldReader("failed", message);
  return fields.finish({
    local: fields.port("local"),
    address: fields.address("address"),
    port: fields.port("port"),
    code: fields.text("code", 64),
    text: fields.text("text", textLength),
    rule: fields.optionalText("rule", textLength),
    retryAfter: fields.optionalInteger("retryAfter", 0, 2 ** 31),
  });
}
