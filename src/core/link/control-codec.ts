// Control frames (DESIGN §5): 0x00, type, length, and a MessagePack map. No records, no extension types, at most eight
// deep, and looked through before anything is decoded. What a type means is for the driver (1 to 15) and the tunnel.

import { Packr } from "msgpackr/pack";
import type { Bytes } from "../wire/bytes.ts";
import { CONTROL_HEADER } from "./frames.ts";
import { checkMap } from "./msgpack-check.ts";

export type ControlValue =
  | null
  | boolean
  | number
  | string
  | Bytes
  | readonly ControlValue[]
  | { readonly [key: string]: ControlValue | undefined };

/** The map of a control frame. Keys whose value is undefined are not sent; keys that nobody knows are ignored. */
export interface ControlMessage {
  readonly [key: string]: ControlValue | undefined;
}

/** Arrays and maps within each other, the outermost included. */
export const MAX_CONTROL_DEPTH = 8;

/** The types that belong to the link itself. */
export const ControlType = {
  /** { id }: answer with a pong of the same id. */
  ping: 1,
  /** { id } */
  pong: 2,
  /** { bytes, control }: packet bytes taken from this link in all; session control applied up to this number. */
  received: 3,
} as const;

/** A whole control frame. Throws TypeError or RangeError for what cannot be one: that is the caller's mistake. */
export function encodeControl(type: number, message: ControlMessage): Bytes {
  const map: Uint8Array = codec().encode(sendable(message, 1));
  if (map.length > 0xffff)
    throw new RangeError(`Control message of ${map.length} bytes: at most 65,535 fit a frame`);
  const frame = new Uint8Array(CONTROL_HEADER + map.length);
  frame[1] = type;
  frame[2] = map.length >>> 8;
  frame[3] = map.length & 0xff;
  frame.set(map, CONTROL_HEADER);
  return frame;
}

/** The map in bytes[start..end), or why it is refused, as a text. Nothing in it refers to `bytes`. */
export function decodeControl(bytes: Uint8Array, start: number, end: number): ControlMessage | string {
  const refused = checkMap(bytes, start, end, MAX_CONTROL_DEPTH);
  if (refused !== null) return `Control map is malformed: ${refused}`;
  try {
    return codec().decode(bytes.subarray(start, end)) as ControlMessage;
  } catch (error) {
    return `Control map is malformed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `received` is sent in nearly every turn, so it does without the codec: {bytes: n}, n as uint 64. */
export const RECEIVED_FRAME_LENGTH = 20;

export function writeReceived(out: Uint8Array, at: number, bytes: number): void {
  out.set(RECEIVED_PREFIX, at);
  const high = Math.floor(bytes / 0x1_0000_0000);
  for (let i = 0; i < 4; i++) {
    out[at + 12 + i] = high >>> (24 - 8 * i);
    out[at + 16 + i] = bytes >>> (24 - 8 * i);
  }
}

/** `n` of a `received` written as above; -1 when it was written in another way and has to be decoded. */
export function readReceived(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== RECEIVED_FRAME_LENGTH - CONTROL_HEADER) return -1;
  for (let i = CONTROL_HEADER; i < RECEIVED_PREFIX.length; i++) {
    if (bytes[start - CONTROL_HEADER + i] !== RECEIVED_PREFIX[i]) return -1;
  }
  let high = 0;
  let low = 0;
  for (let i = 0; i < 4; i++) {
    high = high * 256 + bytes[start + 8 + i];
    low = low * 256 + bytes[start + 12 + i];
  }
  return high * 0x1_0000_0000 + low;
}

// 0x00, type, length, fixmap of 1, fixstr "bytes", uint 64.
const RECEIVED_PREFIX = [0, ControlType.received, 0, 16, 0x81, 0xa5, 0x62, 0x79, 0x74, 0x65, 0x73, 0xcf];

interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

let shared: Codec | null = null;

function codec(): Codec {
  shared ??= new Packr({
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    int64AsType: "number",
    copyBuffers: true,
  }) as unknown as Codec;
  return shared;
}

/** The value without undefined keys. Refuses what the other side would. */
function sendable(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "boolean":
    case "string":
    case "number":
      return value;
    case "object":
      break;
    default:
      throw new TypeError(`Control message: a ${typeof value} cannot be sent`);
  }
  if (value === null || value instanceof Uint8Array) return value;
  if (depth > MAX_CONTROL_DEPTH) {
    throw new RangeError(`Control message: nested more than ${MAX_CONTROL_DEPTH} deep`);
  }
  if (Array.isArray(value)) return value.map((item) => sendable(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError("Control message: only plain objects can be sent");
  }
  const plain: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item: unknown = (value as Record<string, unknown>)[key];
    if (item !== undefined) plain[key] = sendable(item, depth + 1);
  }
  return plain;
}
