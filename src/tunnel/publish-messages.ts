// publish, published, unpublish: a listener of a tunnel made reachable by plain TCP at the relay
// (docs/protocol.md §6.3).
import type { ControlMessage } from "../core/link/control-codec.ts";
import { FieldReader, printable, type Read } from "./fields.ts";
import { textLength } from "./handshake-messages.ts";

export interface Publish {
  readonly id: number;
  /** Where the relay shall listen. An empty host leaves it to the relay, which takes loopback. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The tunnel's port that incoming connections are dialled to. */
  readonly local: number;
}

export interface Published {
  readonly id: number;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly code: string | undefined;
  readonly text: string | undefined;
  readonly rule: string | undefined;
}

export interface Unpublish {
  readonly id: number;
}

export function writePublish(publish: Publish): ControlMessage {
  return { id: publish.id, host: publish.host, port: publish.port, local: publish.local };
}

export function readPublish(message: ControlMessage): Read<Publish> {
  const fields = new FieldReader("publish", message);
  return fields.finish({
    id: fields.integer("id", 0, 2 ** 48),
    host: fields.text("host", 255),
    port: fields.integer("port", 0, 65_535),
    local: fields.port("local"),
  });
}

export function writePublished(published: Published): ControlMessage {
  const { id, host, port, code, text, rule } = published;
  return {
    id,
    host,
    port,
    code,
    text: text === undefined ? undefined : printable(text, textLength),
    rule: rule === undefined ? undefined : printable(rule, textLength),
  };
}

export function readPublished(message: ControlMessage): Read<Published> {
  const fields = new FieldReader("published", message);
  const id = fields.integer("id", 0, 2 ** 48);
  const code = fields.optionalText("code", 64);
  return fields.finish({
    id,
    host: code === undefined ? fields.text("host", 255) : undefined,
    port: code === undefined ? fields.port("port") : undefined,
    code,
    text: fields.optionalText("text", textLength),
    rule: fields.optionalText("rule", textLength),
  });
}

export function writeUnpublish(unpublish: Unpublish): ControlMessage {
  return { id: unpublish.id };
}

export function readUnpublish(message: ControlMessage): Read<Unpublish> {
  const fields = new FieldReader("unpublish", message);
  return fields.finish({ id: fields.integer("id", 0, 2 ** 48) });
}
