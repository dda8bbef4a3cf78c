// What `fetch` was asked for, in one form. Built without the Request class, which drops Cookie, Host and others in
// browsers; a Request may be given, and gives what it kept.
import type { Field } from "./head.ts";
import { asksToClose, type HeadersLike, hasField, toFields, withoutConnectionFields } from "./headers.ts";
import { iterableStream } from "./iterable-stream.ts";

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** As given, without those that belong to the connection. */
  readonly fields: Field[];
  readonly content: RequestContent | null;
  readonly redirect: RequestRedirect;
  readonly signal: AbortSignal | null;
  /** The caller asked for `Connection: close`. */
  readonly close: boolean;
}

/** The body of a request. */
export interface RequestContent {
  /** Bytes, where known. */
  readonly length: number | undefined;
  /** Whether `open()` can be called again: for a redirect, or another try. */
  readonly replayable: boolean;
  open(): Uint8Array | ReadableStream<Uint8Array>;
}

/** `fetch`'s second argument; header fields may be pairs, Cookie and Host among them. */
export type FetchInit = Omit<RequestInit, "headers" | "body"> & {
  readonly headers?: HeadersLike | HeadersInit | undefined;
  readonly body?: BodyInit | AsyncIterable<Uint8Array> | null | undefined;
};

/** @throws TypeError for what cannot be requested */
export function outgoingRequest(input: string | URL | Request, init: FetchInit): OutgoingRequest {
  const request = isRequest(input) ? input : null;
  const url = parseUrl(request === null ? String(input) : request.url);
  const method = normalMethod(init.method ?? request?.method ?? "GET");
  const given = toFields((init.headers ?? request?.headers) as HeadersLike | undefined);
  const body = init.body ?? request?.body ?? null;
  if (body !== null && (method === "GET" || method === "HEAD")) {
    throw new TypeError(`Cannot send a body with ${method}: use POST, PUT or PATCH`);
  }
  if (request?.bodyUsed === true && init.body == null)
    throw new TypeError("The body of the request was read already");
  const fields = withoutConnectionFields(given);
  return {
    method,
    url,
    fields,
    content: body === null ? null : requestContent(body, given, fields),
    redirect: init.redirect ?? request?.redirect ?? "follow",
    signal: init.signal === undefined ? (request?.signal ?? null) : init.signal,
    close: asksToClose(given),
  };
}

function isRequest(input: string | URL | Request): input is Request {
  return typeof input === "object" && !(input instanceof URL) && typeof input.url === "string";
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`Cannot fetch "${text}": give a whole URL, such as http://db.internal:8080/`, {
      cause,
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("Cannot fetch a URL with a password in it: use the Authorization header");
  }
  return url;
}

function normalMethod(method: string): string {
  const upper = method.toUpperCase();
  if (FORBIDDEN_METHODS.has(upper) || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) {
    throw new TypeError(`Cannot fetch with the method "${method}"`);
  }
  return NORMALIZED_METHODS.has(upper) ? upper : method;
}

function requestContent(
  body: BodyInit | AsyncIterable<Uint8Array>,
  given: readonly Field[],
  fields: Field[],
): RequestContent {
  if (typeof body === "string" || body instanceof URLSearchParams) {
    const isForm = typeof body !== "string";
    addType(fields, isForm ? "application/x-www-form-urlencoded;charset=UTF-8" : "text/plain;charset=UTF-8");
    return bytesContent(new TextEncoder().encode(String(body)));
  }
  if (body instanceof ArrayBuffer) return bytesContent(new Uint8Array(body.slice(0)));
  if (ArrayBuffer.isView(body)) {
    return bytesContent(new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice());
  }
  if (body instanceof Blob) {
    if (body.type !== "") addType(fields, body.type);
    return { length: body.size, replayable: true, open: () => body.stream() };
  }
  if (body instanceof FormData) {
    // Encoded once, for its boundary; multipart bodies are as large as what is in them.
    const carrier = new Response(body);
    addType(fields, carrier.headers.get("content-type") ?? "multipart/form-data");
    return streamContent(carrier.body ?? new ReadableStream(), undefined);
  }
  const length = given.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    throw new TypeError("Content-Length is not a number of bytes");
  return streamContent(body, length === undefined ? undefined : Number(length));
}

function bytesContent(bytes: Uint8Array): RequestContent {
  return { length: bytes.length, replayable: true, open: () => bytes };
}

function streamContent(
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  length: number | undefined,
): RequestContent {
  const stream = body instanceof ReadableStream ? body : iterableStream(body);
  if (stream.locked) throw new TypeError("Cannot send the body: the stream is locked");
  return { length, replayable: false, open: () => stream };
}

function addType(fields: Field[], type: string): void {
  if (!hasField(fields, "content-type")) fields.push(["Content-Type", type]);
}

const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const NORMALIZED_METHODS: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
