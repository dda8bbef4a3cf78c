// One response onto the connection (RFC 9112 6, RFC 9110 6.6.1): which framing, which fields, and whether the
// connection can be kept afterwards.
import {
  JOIN_LIMIT,
  join,
  Pieces,
  type Write,
  writeChunked,
  writeCounted,
  writePlain,
} from "./body-writer.ts";
import type { Field } from "./head.ts";
import { encodeHead, hasField } from "./headers.ts";
import type { OutgoingResponse } from "./outgoing-response.ts";

export interface ResponseContext {
  readonly method: string;
  /** The request's HTTP/1.x minor version. */
  readonly minor: 0 | 1;
  /** Whether the connection will be kept, if the response allows it; asked when the head is written. */
  keep(): boolean;
  /** Milliseconds, announced in Keep-Alive. */
  readonly idleTimeout: number;
  /** The time, as HTTP writes it. */
  readonly date: string;
  /** Takes what cancels the body's source, for when the client is gone while the source has nothing to say. */
  cancellable(cancel: (reason: unknown) => void): void;
}

/**
 * @returns whether the connection can carry another request
 * @throws what the body's source or the connection failed with; the body is then cancelled
 */
export async function writeResponse(
  write: Write,
  response: OutgoingResponse,
  context: ResponseContext,
): Promise<boolean> {
  if (response.body === null || response.body instanceof Uint8Array) {
    return writeWhole(write, response, response.body, context);
  }
  const pieces = new Pieces(response.body);
  context.cancellable((reason) => pieces.cancel(reason));
  try {
    return await writeStream(write, response, pieces, context);
  } catch (error) {
    pieces.cancel(error);
    throw error;
  }
}

async function writeWhole(
  write: Write,
  response: OutgoingResponse,
  body: Uint8Array | null,
  context: ResponseContext,
): Promise<boolean> {
  const keep = context.keep() && !response.close;
  const head = headBytes(response, context, keep, lengthField(response, context.method, body?.length ?? 0));
  if (body === null || body.length === 0 || context.method === "HEAD") await write(head);
  else if (body.length <= JOIN_LIMIT) await write(join(head, body));
  else {
    await write(head);
    await write(body);
  }
  return keep;
}

async function writeStream(
  write: Write,
  response: OutgoingResponse,
  pieces: Pieces,
  context: ResponseContext,
): Promise<boolean> {
  const begin = async (framing: readonly Field[], closes = false): Promise<boolean> => {
    const keep = !closes && context.keep() && !response.close;
    await write(headBytes(response, context, keep, framing));
    return keep;
  };
  const { length } = response;
  if (context.method === "HEAD") {
    pieces.cancel(new DOMException("A HEAD request has no use for the body", "AbortError"));
    return begin(lengthField(response, "HEAD", 0));
  }
  // Before the head goes out, so that a body that fails at once is answered with 500, and one that is made of the
  // request's asks for 100 Continue in time.
  const whole = await wholeBody(pieces);
  if (whole !== null) {
    if (length !== undefined && length !== whole.length) {
      throw new TypeError(`A body has ${whole.length} bytes, not the ${length} it declared`);
    }
    return writeWhole(write, response, whole, context);
  }
  if (length !== undefined) {
    const keep = await begin(lengthField(response, context.method, length));
    await writeCounted(write, pieces, length);
    return keep;
  }
  if (context.minor === 0) {
    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    const keep = await begin([], true);
    await writePlain(write, pieces);
    return keep;
  }
  const keep = await begin([["Transfer-Encoding", "chunked"]]);
  await writeChunked(write, pieces);
  return keep;
}

/** The body, if all of it is there already: then its length can be told. */
async function wholeBody(pieces: Pieces): Promise<Uint8Array | null> {
  const first = await pieces.soon(0);
  if (first === null) return new Uint8Array(0);
  if (first === undefined || (await pieces.soon(1)) !== null) return null;
  return first;
}

function lengthField(response: OutgoingResponse, method: string, length: number): Field[] {
  // RFC 9110 8.6: never with 204; with 304 and to HEAD only what GET would have.
  if (response.status === 204) return [];
  const told = response.status === 304 || method === "HEAD" ? response.length : (response.length ?? length);
  return told === undefined ? [] : [["Content-Length", String(told)]];
}

function headBytes(
  response: OutgoingResponse,
  context: ResponseContext,
  keep: boolean,
  framing: readonly Field[],
): Uint8Array {
  const fields: Field[] = [...response.fields, ...framing];
  if (!hasField(fields, "date")) fields.push(["Date", context.date]);
  if (!keep) fields.push(["Connection", "close"]);
  else {
    if (context.minor === 0) fields.push(["Connection", "keep-alive"]);
    fields.push(["Keep-Alive", `timeout=${Math.max(1, Math.floor(context.idleTimeout / 1000))}`]);
  }
  return encodeHead(`HTTP/1.1 ${response.status} ${response.statusText || reason(response.status)}`, fields);
}

/** RFC 9112 4: the reason is for people; an empty one is valid. */
export function reason(status: number): string {
  return REASONS[status] ?? "";
}

const REASONS: { readonly [status: number]: string } = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
