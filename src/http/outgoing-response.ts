// What a handler returned, in one form: status, fields as they will be written, and a body that is bytes or a
// stream with or without a known length. Fields that belong to the connection are the server's and taken out.
import { hasNoBody } from "./framing.ts";
import type { Field } from "./head.ts";
import { asksToClose, hasField, toFields, withoutConnectionFields } from "./headers.ts";
import { iterableStream } from "./iterable-stream.ts";
import type { ResponseLike } from "./serve-options.ts";

export interface OutgoingResponse {
  readonly status: number;
  readonly statusText: string;
  /** Without Content-Length, Transfer-Encoding, Connection and the like. */
  readonly fields: Field[];
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** Bytes of the body where they are known: declared by the handler, or by the body. */
  readonly length: number | undefined;
  /** The handler said `Connection: close`. */
  readonly close: boolean;
}

/** @throws TypeError or RangeError for what cannot be sent */
export function outgoingResponse(result: Response | ResponseLike): OutgoingResponse {
  if (typeof result !== "object" || result === null) {
    throw new TypeError("The handler returned no response: return a Response or { status, headers, body }");
  }
  const status = result.status ?? 200;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`Cannot answer with status ${status}: it must be 200 to 599`);
  }
  const fields = toFields(result.headers);
  const body = isResponse(result) ? responseBody(result) : anyBody(result.body ?? null, fields);
  const declared = declaredLength(fields);
  const known = body.length;
  if (declared !== undefined && known !== undefined && declared !== known && !hasNoBody(status)) {
    throw new TypeError(`The response declares Content-Length ${declared}, but its body has ${known} bytes`);
  }
  // RFC 9110 15.3.6: 205 has no content either, but is framed as if it could.
  const bodyless = hasNoBody(status) || status === 205;
  const content = bodyless ? null : body.content;
  if (content === null && body.content instanceof ReadableStream) void body.content.cancel().catch(() => {});
  return {
    status,
    statusText: (result.statusText ?? "").replace(/[^\t\x20-\x7e]/g, "?"),
    fields: withoutConnectionFields(fields),
    body: content,
    length: status === 205 ? 0 : (declared ?? known),
    close: asksToClose(fields),
  };
}

interface Body {
  readonly content: Uint8Array | ReadableStream<Uint8Array> | null;
  readonly length: number | undefined;
}

function isResponse(result: Response | ResponseLike): result is Response {
  return result instanceof Response || typeof (result as Partial<Response>).arrayBuffer === "function";
}

function responseBody(response: Response): Body {
  if (response.bodyUsed) throw new TypeError("The body of the response was read already");
  if (response.body === null) return { content: null, length: undefined };
  return { content: response.body, length: undefined };
}

function anyBody(body: NonNullable<ResponseLike["body"]> | null, fields: Field[]): Body {
  if (body === null) return { content: null, length: undefined };
  if (body instanceof Uint8Array) return { content: body, length: body.length };
  if (body instanceof ReadableStream) return { content: body, length: undefined };
  if (!(body instanceof Blob) && isAsyncIterable(body))
    return { content: iterableStream(body), length: undefined };
  const carrier = new Response(body as BodyInit);
  const type = carrier.headers.get("content-type");
  if (type !== null && !hasField(fields, "content-type")) fields.push(["Content-Type", type]);
  if (typeof body === "string") {
    const bytes = new TextEncoder().encode(body);
    return { content: bytes, length: bytes.length };
  }
  if (body instanceof ArrayBuffer) return { content: new Uint8Array(body), length: body.byteLength };
  return { content: carrier.body, length: body instanceof Blob ? body.size : undefined };
}

function declaredLength(fields: readonly Field[]): number | undefined {
  const values = fields.filter(([name]) => name.toLowerCase() === "content-length");
  if (values.length === 0) return undefined;
  const value = values[0]?.[1] ?? "";
  if (values.length > 1 || !/^\d{1,15}$/.test(value))
    throw new TypeError("The response has a bad Content-Length");
  return Number(value);
}

function isAsyncIterable(body: object | string): body is AsyncIterable<Uint8Array> {
  return typeof (body as Partial<AsyncIterable<Uint8Array>>)[Symbol.asyncIterator] === "function";
}
