// Streams for tests of parsers: chunks as they are given, then the end.
import type { ByteSource } from "../../src/http/byte-reader.ts";
import { ByteReader } from "../../src/http/byte-reader.ts";

/** A source that gives these pieces one by one; a string is latin1. */
export function source(...pieces: (string | Uint8Array)[]): ByteSource {
  const queue = pieces.map((piece) => (typeof piece === "string" ? bytes(piece) : Uint8Array.from(piece)));
  return { readChunk: async () => queue.shift() ?? null };
}

export function reader(...pieces: (string | Uint8Array)[]): ByteReader {
  return new ByteReader(source(...pieces));
}

/** One piece per byte. */
export function trickle(text: string): ByteReader {
  return reader(...[...text]);
}

export function bytes(latin1: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...latin1].map((character) => character.charCodeAt(0)));
}

export function text(view: Uint8Array): string {
  return [...view].map((byte) => String.fromCharCode(byte)).join("");
}
