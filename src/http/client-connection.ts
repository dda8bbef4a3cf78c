// One connection of a client: sends a request, reads its response, and says when it can carry another. Request and
// response bodies stream at the same time. A body that nobody reads is ended by a timer: garbage collection cannot
// tell, as Chromium collects a stream's wrapper while it reads the stream.
import type { Bytes, TcpStream } from "../core/net/index.ts";
import { NetError } from "../core/net/net-error.ts";
import { type BodyDecoder, decodeBody } from "./body-decoder.ts";
import { JOIN_LIMIT, join, Pieces, type Write, writeChunked, writeCounted } from "./body-writer.ts";
import { ByteReader } from "./byte-reader.ts";
import { type Framing, fieldValues, keepsAlive, responseFraming } from "./framing.ts";
import { type Field, parseResponseHead, type ResponseHead } from "./head.ts";
import { encodeHead, hasField } from "./headers.ts";
import { HttpError } from "./http-error.ts";
import type { OutgoingRequest, RequestContent } from "./outgoing-request.ts";

export interface ClientLimits {
  /** Bytes of a response's head. */
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  /** Milliseconds from the sent request to the whole head. */
  readonly headersTimeout: number;
  /** Milliseconds without a byte of a body, in either direction. */
  readonly bodyTimeout: number;
  /** Milliseconds after which a response's body must have been begun to be read. */
  readonly unreadTimeout: number;
}

export interface IncomingResponse {
  readonly head: ResponseHead;
  /** Bytes if they were there already: the connection is free then. */
  readonly body: Bytes | ReadableStream<Bytes> | null;
}

export interface ClientConnectionHooks {
  /** The response was read to its end; another request may follow. */
  free(connection: ClientConnection): void;
  /** The connection is over. Once. */
  over(connection: ClientConnection): void;
}

export class ClientConnection {
  /** True once a byte of the current response has come: the server has seen the request. */
  answered = false;
  /** What the server said about keeping an idle connection, in milliseconds. */
  keepAliveHint: number | null = null;
  private readonly stream: TcpStream;
  private readonly reader: ByteReader;
  private readonly limits: ClientLimits;
  private readonly hooks: ClientConnectionHooks;
  private readTimeout: number | undefined;
  private failure: { readonly error: unknown } | null = null;
  /** Requests on this connection so far: a late callback of an earlier one is told by it. */
  private exchanges = 0;
  /** Stops listening for the caller's abort. */
  private unlisten: () => void = () => {};

  constructor(stream: TcpStream, limits: ClientLimits, hooks: ClientConnectionHooks) {
    this.stream = stream;
    this.limits = limits;
    this.hooks = hooks;
    this.reader = new ByteReader({ readChunk: () => stream.readChunk({ timeout: this.readTimeout }) });
  }

  /**
   * Sends a request and reads the head of its response. The request's signal counts up to the end of its body.
   *
   * @throws signal.reason; NetError for what the connection or the server did; what the request's body failed with
   */
  async exchange(request: OutgoingRequest): Promise<IncomingResponse> {
    this.exchanges++;
    this.answered = false;
    this.readTimeout = undefined;
    this.listen(request.signal);
    const upload = new Upload();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const awaitHead = (): void => {
      if (upload.over) return;
      const { headersTimeout } = this.limits;
      timer = setTimeout(() => this.fail(timedOut("response", headersTimeout)), headersTimeout);
    };
    this.send(request, upload).then(awaitHead, (error) => {
      // A server that has heard enough answers and closes: its answer is there to be read, or the read tells why not.
      if (error instanceof UploadCut) awaitHead();
      else this.fail(error);
    });
    try {
      const head = await this.readHead(upload);
      const framing = responseFraming(head, request.method);
      return this.respond(request, head, framing, upload);
    } catch (error) {
      const reason = this.failure?.error ?? protocolError(error);
      this.fail(reason);
      throw reason;
    } finally {
      upload.over = true;
      upload.go(false);
      clearTimeout(timer);
    }
  }

  /** Ends the connection; what is under way on it fails with `error`. */
  fail(error: unknown): void {
    if (this.failure !== null) return;
    this.failure = { error };
    this.unlisten();
    this.stream.abort(error);
    this.hooks.over(this);
  }

  /** Ends an idle connection. */
  async close(): Promise<void> {
    if (this.failure !== null) return;
    this.failure = { error: new NetError("ERR_SOCKET_CLOSED", "The connection was closed") };
    this.hooks.over(this);
    await this.stream.close();
  }

  /** While nothing is asked, whatever comes ends the connection. */
  watch(): void {
    const exchange = this.exchanges;
    this.readTimeout = undefined;
    this.stream.unref();
    const ended = (): void => {
      if (this.exchanges === exchange && this.failure === null) void this.close().catch(() => {});
    };
    this.reader.fill().then(ended, ended);
  }

  /** Takes the connection out of its rest. */
  wake(): void {
    this.stream.ref();
  }

  private listen(signal: AbortSignal | null): void {
    const aborted = (): void => this.fail(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    this.unlisten = () => signal?.removeEventListener("abort", aborted);
  }

  private async readHead(upload: Upload): Promise<ResponseHead> {
    const { limits } = this;
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const bytes = await this.readHeadBytes(limits.maxHeaderBytes);
      const head = parseResponseHead(bytes, { ...limits, maxRequestLineBytes: limits.maxHeaderBytes });
      if (head.status >= 200) {
        upload.go(false);
        return head;
      }
      if (head.status === 100) upload.go(true);
      if (head.status === 101)
        throw new NetError("EPROTO", "The server switched to a protocol nobody asked for");
    }
    throw new NetError("EPROTO", "The server sent too many interim responses");
  }

  private async readHeadBytes(limit: number): Promise<Bytes> {
    if (this.reader.buffered === 0 && !(await this.reader.fill())) {
      throw new NetError("ECONNRESET", "The server closed the connection without an answer");
    }
    this.answered = true;
    const bytes = await this.reader.readHead(limit);
    if (bytes === null)
      throw new NetError("EPROTO", "The server closed the connection within the head of its answer");
    return bytes;
  }

  private respond(
    request: OutgoingRequest,
    head: ResponseHead,
    framing: Framing,
    upload: Upload,
  ): IncomingResponse {
    const decoder = decodeBody(this.reader, framing, {
      maxBodyBytes: Number.POSITIVE_INFINITY,
      maxChunkBytes: MAX_PIECE,
    });
    this.keepAliveHint = keepAliveTime(head.fields);
    const finish = (): void => {
      this.unlisten();
      if (this.failure !== null) return;
      const reusable =
        upload.sent && framing.kind !== "close" && !request.close && keepsAlive(head.fields, head.minor);
      // Bytes behind the response belong to no request.
      if (reusable && this.reader.buffered === 0) this.hooks.free(this);
      else if (upload.sent) void this.close().catch(() => {});
      else this.fail(new NetError("ECONNABORTED", "The server answered before it had the whole request"));
    };
    if (decoder.ended) {
      finish();
      return { head, body: null };
    }
    if (framing.kind === "length" && framing.length <= this.reader.buffered && framing.length <= MAX_PIECE) {
      const body = this.reader.take(framing.length);
      finish();
      return { head, body };
    }
    this.readTimeout = this.limits.bodyTimeout;
    return { head, body: this.bodyStream(decoder, finish) };
  }

  private bodyStream(decoder: BodyDecoder, finish: () => void): ReadableStream<Bytes> {
    const timer = setTimeout(() => {
      const seconds = this.limits.unreadTimeout / 1000;
      this.fail(new NetError("ETIMEDOUT", `Nobody read the body of the response for ${seconds} s`));
    }, this.limits.unreadTimeout);
    // In Node a response nobody reads does not keep the process alive.
    (timer as { unref?: () => void }).unref?.();
    return new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          clearTimeout(timer);
          let piece: Bytes | null;
          try {
            if (this.failure !== null) throw this.failure.error;
            piece = await decoder.read();
          } catch (error) {
            const reason = this.failure?.error ?? protocolError(error);
            this.fail(reason);
            throw reason;
          }
          if (piece !== null) controller.enqueue(piece);
          if (piece === null || decoder.ended) {
            controller.close();
            finish();
          }
        },
        cancel: (reason) => {
          clearTimeout(timer);
          this.fail(reason ?? new NetError("ECONNABORTED", "The response was cancelled"));
        },
      },
      { highWaterMark: 0 },
    );
  }

  private async send(request: OutgoingRequest, upload: Upload): Promise<void> {
    const { content } = request;
    const write: Write = (bytes) => this.write(bytes);
    const head = requestHead(request);
    if (content === null) {
      await write(head);
      upload.sent = true;
      return;
    }
    if (hasField(request.fields, "expect")) {
      await write(head);
      if (!(await upload.permission())) return;
      await sendContent(write, null, content);
    } else {
      await sendContent(write, head, content);
    }
    upload.sent = true;
  }

  /** In pieces, so that the timeout is about progress and not about the size of the body. */
  private async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += MAX_PIECE) {
      try {
        await this.stream.writeAll(bytes.subarray(at, at + MAX_PIECE), { timeout: this.limits.bodyTimeout });
      } catch (error) {
        throw NetError.is(error) && CUT.has(error.code) ? new UploadCut() : error;
      }
    }
  }
}

/** The server takes no more of the request. */
class UploadCut extends Error {}

/** How far a request's body is. */
class Upload {
  /** All of the request was sent. */
  sent = false;
  /** The exchange no longer waits for a head. */
  over = false;
  private answer: ((go: boolean) => void) | null = null;

  /** Waits for 100 Continue or a final answer (RFC 9110 10.1.1), but not for ever: servers forget it. */
  permission(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), CONTINUE_TIMEOUT);
      this.answer = (go) => {
        clearTimeout(timer);
        resolve(go);
      };
    });
  }

  go(permitted: boolean): void {
    this.answer?.(permitted);
  }
}

async function sendContent(write: Write, head: Uint8Array | null, content: RequestContent): Promise<void> {
  const body = content.open();
  if (body instanceof Uint8Array) {
    if (head === null) await write(body);
    else if (body.length <= JOIN_LIMIT) await write(join(head, body));
    else {
      await write(head);
      await write(body);
    }
    return;
  }
  const pieces = new Pieces(body);
  try {
    if (head !== null) await write(head);
    if (content.length === undefined) await writeChunked(write, pieces);
    else await writeCounted(write, pieces, content.length);
  } catch (error) {
    pieces.cancel(error);
    throw error;
  }
}

function requestHead(request: OutgoingRequest): Uint8Array {
  const { url, content } = request;
  const fields: Field[] = [];
  // RFC 9110 7.2: Host comes first.
  const host = request.fields.find(([name]) => name.toLowerCase() === "host");
  fields.push(host ?? ["Host", url.host]);
  for (const field of request.fields) if (field !== host) fields.push(field);
  if (!hasField(fields, "accept")) fields.push(["Accept", "*/*"]);
  if (!hasField(fields, "user-agent")) fields.push(["User-Agent", "fourtuple"]);
  if (content !== null) {
    fields.push(
      content.length === undefined
        ? ["Transfer-Encoding", "chunked"]
        : ["Content-Length", String(content.length)],
    );
  } else if (request.method === "POST" || request.method === "PUT" || request.method === "PATCH") {
    // RFC 9110 8.6: some servers wait for a body otherwise.
    fields.push(["Content-Length", "0"]);
  }
  if (request.close) fields.push(["Connection", "close"]);
  return encodeHead(`${request.method} ${url.pathname}${url.search} HTTP/1.1`, fields);
}

/** `Keep-Alive: timeout=5`: the time after which the server closes. */
function keepAliveTime(fields: readonly Field[]): number | null {
  for (const value of fieldValues(fields, "keep-alive")) {
    const seconds = /\btimeout\s*=\s*(\d{1,6})/i.exec(value)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return null;
}

/** A malformed answer is no status of ours: its text goes into a NetError. */
function protocolError(error: unknown): unknown {
  if (!(error instanceof HttpError)) return error;
  return new NetError("EPROTO", `Cannot read the answer of the server: ${lowerFirst(error.message)}`, {
    cause: error,
  });
}

function timedOut(what: string, time: number): NetError {
  return new NetError("ETIMEDOUT", `No ${what} came within ${time / 1000} s`);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

const MAX_PIECE = 64 * 1024;
const CUT: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET"]);
const MAX_INTERIM = 32;
const CONTINUE_TIMEOUT = 1_000;
