// Reads the fields of a control message that came from outside. Never throws: the first thing that is wrong is
// kept as a reason, and the reads after it give harmless values. Unknown keys are ignored (docs/protocol.md §4).
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import { IpAddress } from "../core/wire/ip-address.ts";

/** What a message reader gives: the message, or a sentence that says what is wrong with it. */
export type Read<T> = T | string;

export class FieldReader {
  /** What is wrong; empty as long as nothing is. */
  reason = "";
  private readonly message: ControlMessage;
  private readonly kind: string;

  constructor(kind: string, message: ControlMessage) {
    this.kind = kind;
    this.message = message;
  }

  integer(key: string, least: number, most: number): number {
    const value = this.message[key];
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.refuse(key, `an integer from ${least} to ${most}`, least);
  }

  optionalInteger(key: string, least: number, most: number): number | undefined {
    return this.isAbsent(key) ? undefined : this.integer(key, least, most);
  }

  /** Text of at most `most` UTF-16 units, without control characters. */
  text(key: string, most: number): string {
    const value = this.message[key];
    if (typeof value === "string" && value.length <= most && isPrintable(value)) return value;
    return this.refuse(key, `printable text of at most ${most} characters`, "");
  }

  optionalText(key: string, most: number): string | undefined {
    return this.isAbsent(key) ? undefined : this.text(key, most);
  }

  /** A copy, so that the message it came in is not kept. */
  bytes(key: string, least: number, most: number): Bytes {
    const value = this.message[key];
    if (value instanceof Uint8Array && value.length >= least && value.length <= most) {
      return new Uint8Array(value);
    }
    const size = least === most ? `${least}` : `${least} to ${most}`;
    return this.refuse(key, `${size} bytes`, new Uint8Array(least));
  }

  optionalBytes(key: string, least: number, most: number): Bytes | undefined {
    return this.isAbsent(key) ? undefined : this.bytes(key, least, most);
  }

  flag(key: string): boolean {
    const value = this.message[key];
    if (typeof value === "boolean") return value;
    return this.refuse(key, "true or false", false);
  }

  port(key: string): number {
    return this.integer(key, 1, 65_535);
  }

  /** An IP address as text, without a zone and without brackets. */
  address(key: string): IpAddress {
    const value = this.message[key];
    const address =
      typeof value === "string" && value.length <= 45 && !value.includes("%") ? IpAddress.parse(value) : null;
    return address ?? this.refuse(key, "an IP address", IpAddress.UNSPECIFIED_V6);
  }

  /** One of a few words. */
  word<W extends string>(key: string, words: readonly W[]): W {
    const value = this.message[key];
    const found = words.find((word) => word === value);
    return found ?? this.refuse(key, words.join(" or "), words[0] as W);
  }

  /** Gives `value` if nothing was wrong. */
  finish<T>(value: T): Read<T> {
    return this.reason === "" ? value : this.reason;
  }

  private isAbsent(key: string): boolean {
    return this.message[key] === undefined || this.message[key] === null;
  }

  private refuse<T>(key: string, wanted: string, instead: T): T {
    if (this.reason === "") this.reason = `${this.kind}: "${key}" is not ${wanted}`;
    return instead;
  }
}

/** No control, formatting or line-separating characters: what is shown in logs cannot forge a line. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
}

/** Text from elsewhere made safe for a message field of at most `most` characters. */
export function printable(text: string, most: number): string {
  const clean = isPrintable(text) ? text : text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`;
}
