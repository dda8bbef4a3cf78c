// How long a message's body is and whether the connection outlives it (RFC 9112 6.3 and 9.3). Two statements about
// one length are refused even where they agree: the next implementation on the way may choose the other.
import type { Field, RequestHead, ResponseHead } from "./head.ts";
import { HttpError } from "./http-error.ts";

/** How the end of a body is found. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** @throws HttpError 400 or 501 */
export function requestFraming(head: RequestHead): Framing {
  return declaredFraming(head.fields, head.minor) ?? NO_BODY;
}

/** @throws HttpError */
export function responseFraming(head: ResponseHead, method: string): Framing {
  const declared = declaredFraming(head.fields, head.minor);
  if (method === "HEAD" || hasNoBody(head.status)) return NO_BODY;
  return declared ?? { kind: "close" };
}

/** RFC 9110 6.4.1: these responses never have a body, whatever their header fields say. */
export function hasNoBody(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** Whether the sender of this head wants the connection kept (RFC 9112 9.3). */
export function keepsAlive(fields: readonly Field[], minor: 0 | 1): boolean {
  const options = connectionOptions(fields);
  if (options.includes("close")) return false;
  return minor === 1 || options.includes("keep-alive");
}

/** All values of a field, in order. */
export function fieldValues(fields: readonly Field[], name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of fields) if (key.toLowerCase() === name) values.push(value);
  return values;
}

function declaredFraming(fields: readonly Field[], minor: 0 | 1): Framing | null {
  const lengths = fieldValues(fields, "content-length");
  const codings = fieldValues(fields, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0)
      throw new HttpError(400, "The message has both Transfer-Encoding and Content-Length");
    if (minor === 0) throw new HttpError(400, "An HTTP/1.0 message cannot have Transfer-Encoding");
    if (codings.length > 1) throw new HttpError(400, "The message has more than one Transfer-Encoding field");
    const coding = (codings[0] ?? "").toLowerCase();
    if (coding === "chunked") return { kind: "chunked" };
    throw new HttpError(501, "Only the transfer coding chunked is understood");
  }
  if (lengths.length === 0) return null;
  const length = lengths[0] ?? "";
  if (lengths.length > 1) throw new HttpError(400, "The message has more than one Content-Length field");
  // 15 digits stay an exact number.
  if (!/^\d{1,15}$/.test(length)) throw new HttpError(400, "Content-Length is not a number of bytes");
  return { kind: "length", length: Number(length) };
}

function connectionOptions(fields: readonly Field[]): string[] {
  return fieldValues(fields, "connection").flatMap((value) =>
    value.split(",").map((option) => option.trim().toLowerCase()),
  );
}

const NO_BODY: Framing = { kind: "none" };
