// Start lines and header fields of HTTP/1.1 messages (RFC 9112 2 to 5), strictly: what two implementations could
// read differently is refused. Written by hand because no parser fits: http-parser-js, the only one in use that
// runs without WebAssembly, takes bare LF, folded lines, "Name : value", "3zz" as a chunk size and a length beside
// chunked (tried with 0.5.10) and wants Buffer; llhttp and milo are 55 KB of WebAssembly, which a page's content
// security policy may forbid, and have no maintained package for browsers.
import { HttpError } from "./http-error.ts";

/** A header field: name as it was written, value without white space around it. One character is one byte. */
export type Field = readonly [name: string, value: string];

export interface RequestHead {
  readonly method: string;
  /** As it was written, but bytes above 0x7f are percent-encoded. */
  readonly target: string;
  /** 0 or 1: the minor version. */
  readonly minor: 0 | 1;
  readonly fields: Field[];
}

export interface ResponseHead {
  readonly minor: 0 | 1;
  readonly status: number;
  readonly statusText: string;
  readonly fields: Field[];
}

/** @throws HttpError 400, 414, 431, 505 */
export function parseRequestHead(bytes: Uint8Array, limits: HeadLimits): RequestHead {
  const lines = latin1(bytes).split("\r\n");
  const line = lines[0] ?? "";
  if (line.length > limits.maxRequestLineBytes) {
    throw new HttpError(414, `The request line is longer than ${limits.maxRequestLineBytes} bytes`);
  }
  const parts = REQUEST_LINE.exec(line);
  if (parts === null) throw new HttpError(400, "The request line is malformed");
  const [, method = "", target = "", version = ""] = parts;
  return {
    method,
    target: encodeHighBytes(target),
    minor: minorVersion(version),
    fields: fields(lines, limits),
  };
}

/** @throws HttpError, which is of no use but for its text: the message comes from a server */
export function parseResponseHead(bytes: Uint8Array, limits: HeadLimits): ResponseHead {
  const lines = latin1(bytes).split("\r\n");
  const parts = STATUS_LINE.exec(lines[0] ?? "");
  if (parts === null) throw new HttpError(400, "The status line is malformed");
  const [, version = "", status = "", statusText = ""] = parts;
  return { minor: minorVersion(version), status: Number(status), statusText, fields: fields(lines, limits) };
}

/** Checks the trailer fields of a chunked body (RFC 9112 7.1.2). They are read and dropped. */
export function checkTrailer(line: Uint8Array): void {
  parseField(latin1(line));
}

export interface HeadLimits {
  readonly maxRequestLineBytes: number;
  readonly maxHeaderCount: number;
}

/** Bytes as characters of the same number: what the Fetch standard calls an isomorphic decode. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  // In pieces: the arguments of one call go on the engine's stack.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

function fields(lines: string[], limits: HeadLimits): Field[] {
  if (lines.length - 1 > limits.maxHeaderCount) {
    throw new HttpError(431, `The message has more than ${limits.maxHeaderCount} header fields`);
  }
  const list: Field[] = [];
  for (let index = 1; index < lines.length; index++) list.push(parseField(lines[index] ?? ""));
  return list;
}

function parseField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) {
    // RFC 9112 5.1 and 5.2: white space before the colon and folded lines have both been used to hide fields.
    const folded = line.startsWith(" ") || line.startsWith("\t");
    throw new HttpError(
      400,
      folded ? "A header field is folded over two lines" : "A header field name is malformed",
    );
  }
  const value = trim(line, colon + 1);
  if (!FIELD_VALUE.test(value)) throw new HttpError(400, "A header field value has a control character");
  return [name, value];
}

/** Cuts optional white space (space and tab alone, RFC 9110 5.6.3) off both ends. */
function trim(line: string, start: number): string {
  let from = start;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function minorVersion(version: string): 0 | 1 {
  if (version === "1.1") return 1;
  if (version === "1.0") return 0;
  throw new HttpError(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here");
}

/** curl and shells send UTF-8 in a path as it is: percent-encoding is what a browser would have sent. */
function encodeHighBytes(target: string): string {
  return target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

// RFC 9112 3: exactly one space between the parts; a fragment is never sent; no white space, no control character.
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/;
// RFC 9112 4: the space before an empty reason is left out by some servers, and nobody reads that differently.
const STATUS_LINE = /^HTTP\/(\d\.\d) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
