// One connection of a server: requests come off it one after the other and are answered in that order, pipelined or
// not (RFC 9112 9.3). Deadlines are fields that the server's sweep looks at: no timer is made for a request.
import type { TcpStream } from "../core/net/index.ts";
import { decodeBody } from "./body-decoder.ts";
import { ByteReader } from "./byte-reader.ts";
import { fieldValues, keepsAlive, requestFraming } from "./framing.ts";
import { parseRequestHead, type RequestHead } from "./head.ts";
import { toHeaders } from "./headers.ts";
import { HttpError } from "./http-error.ts";
import { httpRequest } from "./http-request.ts";
import { type OutgoingResponse, outgoingResponse } from "./outgoing-response.ts";
import { RequestBody } from "./request-body.ts";
import { requestUrl } from "./request-url.ts";
import { writeResponse } from "./response-writer.ts";
import type { Handler, HandlerInfo, ResponseLike, ServeLimits } from "./serve-options.ts";

/** What the connections of a server share. */
export interface ServerContext {
  readonly handler: Handler;
  readonly limits: ServeLimits;
  readonly abortOnHalfClose: boolean;
  /** Whether Request takes a stream in this runtime. */
  readonly streams: boolean;
  /** True once the server closes: every response is the last on its connection. */
  readonly closing: boolean;
  onError(error: unknown, request: Request): Response | ResponseLike | undefined;
  /** Monotonic milliseconds. */
  now(): number;
  /** The Date field. */
  date(): string;
  /** A request was read (null), or a message was refused with this status. */
  counted(refusal: number | null): void;
}

export class ServerConnection {
  /**
   * When the connection began to wait for a request; Infinity while it is at one. A new connection counts as busy
   * for a moment: else newcomers would displace each other before any of them has said a word.
   */
  idleSince: number = Number.POSITIVE_INFINITY;
  private readonly stream: TcpStream;
  private readonly reader: ByteReader;
  private readonly context: ServerContext;
  private readonly info: HandlerInfo;
  private phase: "new" | "idle" | "head" | "exchange" | "linger" = "new";
  /** By when a head must be complete, or an idle or lingering connection ends. */
  private deadline: number;
  private body: RequestBody | null = null;
  /** Cancels the source of the response's body. */
  private cancelResponse: ((reason: unknown) => void) | null = null;
  /** Part of the response is on its way. */
  private answered = false;
  private gone: { readonly reason: unknown } | null = null;
  private controller: AbortController | null = null;
  private stopped = false;
  private writing = 0;
  private writtenMark = 0;
  private writtenSince = 0;

  constructor(stream: TcpStream, context: ServerContext) {
    this.stream = stream;
    this.context = context;
    this.reader = new ByteReader(stream);
    this.deadline = context.now() + context.limits.headerTimeout;
    const { localAddr, peerAddr, peer } = stream;
    this.info = { localAddr, peerAddr, remoteAddr: peerAddr, peer };
  }

  /** Serves until the connection is over. Never rejects. */
  async run(): Promise<void> {
    this.stream.closed.catch((error) => this.clientGone(error));
    try {
      while (await this.next());
      await this.linger();
    } catch (error) {
      if (!this.stopped) this.abort(error);
    }
    await this.stream.closed.catch(() => {});
  }

  /** Looks at the deadlines. */
  sweep(now: number): void {
    const { limits } = this.context;
    if (now >= this.deadline) this.expire();
    const overdue = this.body?.overdue(now, limits) ?? null;
    if (overdue !== null) {
      this.body?.fail(overdue);
      // The answer is out: nobody is left to hear of it.
      if (this.body?.draining === true) this.stop();
    }
    if (this.writing === 0) return;
    const written = this.stream.bytesWritten;
    if (written !== this.writtenMark) {
      this.writtenMark = written;
      this.writtenSince = now;
    } else if (now - this.writtenSince >= limits.writeTimeout) {
      this.abort(new HttpError(408, `The client took no byte for ${limits.writeTimeout / 1000} s`));
    }
  }

  /** Closes the connection if it waits for a request; else the answer it is at will be its last. */
  finish(): void {
    if (this.phase === "idle" || this.phase === "new") this.stop();
  }

  /** Resets the connection, whatever it is at. */
  abort(error: unknown): void {
    this.stopped = true;
    this.clientGone(error);
    this.stream.abort(error);
  }

  /** Reads and answers one request. False when no other can follow. */
  private async next(): Promise<boolean> {
    const { context, reader } = this;
    this.idleSince = context.now() + (this.phase === "new" ? NEWCOMER_GRACE : 0);
    if (reader.buffered === 0 && !(await this.fillQuietly())) return false;
    this.idleSince = Number.POSITIVE_INFINITY;
    this.phase = "head";
    this.deadline = context.now() + context.limits.headerTimeout;
    try {
      const bytes = await reader.readHead(context.limits.maxHeaderBytes);
      if (bytes === null) return false;
      const head = parseRequestHead(bytes, context.limits);
      const url = requestUrl(head, this.info.localAddr);
      this.body = this.requestBody(head);
      this.phase = "exchange";
      this.deadline = Number.POSITIVE_INFINITY;
      context.counted(null);
      if (!(await this.exchange(head, url, this.body))) return false;
    } catch (error) {
      if (!(error instanceof HttpError) || this.phase !== "head") throw error;
      await this.refuse(error);
      return false;
    }
    this.body = null;
    this.phase = "idle";
    this.deadline = context.now() + context.limits.idleTimeout;
    return true;
  }

  /** While nothing was asked the connection may end in any way, and none is worth a word. */
  private async fillQuietly(): Promise<boolean> {
    try {
      return await this.reader.fill();
    } catch {
      this.stopped = true;
      return false;
    }
  }

  private requestBody(head: RequestHead): RequestBody {
    const { context } = this;
    const expectations = head.minor === 1 ? fieldValues(head.fields, "expect") : [];
    if (expectations.some((value) => value.toLowerCase() !== "100-continue")) {
      throw new HttpError(417, "Only the expectation 100-continue is understood");
    }
    const limits = { maxBodyBytes: context.limits.maxBodyBytes, maxChunkBytes: MAX_PIECE };
    const decoder = decodeBody(this.reader, requestFraming(head), limits);
    return new RequestBody(decoder, expectations.length > 0, {
      // RFC 9110 10.1.1. In the middle of a response it would be taken for a part of it.
      sendContinue: () => {
        if (!this.answered) void this.write(CONTINUE).catch(() => {});
      },
      ended: () => this.watch(),
      now: () => context.now(),
    });
  }

  private async exchange(head: RequestHead, url: string, body: RequestBody): Promise<boolean> {
    const { context } = this;
    this.controller = null;
    // A Request cannot have a body with these methods; what came nevertheless is drained.
    const bodyless = body.ended || head.method === "GET" || head.method === "HEAD";
    const request = httpRequest(url, {
      method: head.method,
      headers: toHeaders(head.fields),
      body: bodyless ? null : body.stream,
      signal: () => this.signal(),
      streams: context.streams,
    });
    if (body.ended) this.watch();
    this.answered = false;
    const response = await this.answer(request);
    try {
      return await this.respond(head, response, body);
    } catch (error) {
      // A handler that gave up because the client did is no failure.
      const instead = this.gone === null ? this.failure(error, request) : null;
      // Once the head is out only a reset keeps a cut body from looking complete.
      if (instead === null || this.answered) throw error;
      return await this.respond(head, instead, body);
    }
  }

  private async respond(head: RequestHead, response: OutgoingResponse, body: RequestBody): Promise<boolean> {
    const { context } = this;
    if (this.gone !== null) {
      if (response.body instanceof ReadableStream)
        void response.body.cancel(this.gone.reason).catch(() => {});
      return false;
    }
    const write = (bytes: Uint8Array): Promise<void> => {
      this.answered = true;
      return this.write(bytes);
    };
    try {
      const kept = await writeResponse(write, response, {
        method: head.method,
        minor: head.minor,
        keep: () => keepsAlive(head.fields, head.minor) && !context.closing && body.resumable,
        idleTimeout: context.limits.idleTimeout,
        date: context.date(),
        cancellable: (cancel) => {
          this.cancelResponse = cancel;
        },
      });
      return kept && (await body.drain(context.limits.maxDrainBytes));
    } finally {
      this.cancelResponse = null;
    }
  }

  private async answer(request: Request): Promise<OutgoingResponse> {
    try {
      return outgoingResponse(await this.context.handler(request, this.info));
    } catch (error) {
      return this.gone === null ? this.failure(error, request) : outgoingResponse({ status: 500 });
    }
  }

  /** The answer to a handler's failure. */
  private failure(error: unknown, request: Request): OutgoingResponse {
    try {
      const answer = this.context.onError(error, request);
      if (answer !== undefined) return outgoingResponse(answer);
    } catch {
      // What onError made, if it did not fail itself, cannot be sent; the plain answer can.
    }
    return outgoingResponse(asHttpError(error).getResponse());
  }

  /** Answers a message that is not even a request. */
  private async refuse(error: HttpError): Promise<void> {
    const { context } = this;
    context.counted(error.status);
    await writeResponse((bytes) => this.write(bytes), outgoingResponse(error.getResponse()), {
      method: "GET",
      minor: 1,
      keep: () => false,
      idleTimeout: 0,
      date: context.date(),
      cancellable: () => {},
    });
  }

  /**
   * RFC 9112 9.6: closing at once would reset the connection under an answer the client has not read, if more of
   * its request is on the way. So: FIN first, then read on for a while.
   */
  private async linger(): Promise<void> {
    if (this.stopped) return;
    this.phase = "linger";
    this.deadline = this.context.now() + LINGER_TIME;
    await this.stream.shutdown("write");
    for (let total = 0; total < LINGER_BYTES && !this.stopped; ) {
      total += this.reader.take(LINGER_BYTES).length;
      if (!(await this.reader.fill())) break;
    }
    this.stop();
  }

  private stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.deadline = Number.POSITIVE_INFINITY;
    void this.stream.close().catch(() => {});
  }

  private expire(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.phase !== "head") {
      this.stop();
      return;
    }
    const seconds = this.context.limits.headerTimeout / 1000;
    void this.refuse(new HttpError(408, `The head of the request took longer than ${seconds} s`))
      .catch(() => {})
      .then(() => this.stop());
  }

  /** Reads ahead while a request runs, to learn that the client is gone. Takes in one read at most. */
  private watch(): void {
    if (this.reader.buffered > 0) return;
    this.reader.fill().then(
      (more) => {
        const halfClosed = !more && this.phase === "exchange" && this.context.abortOnHalfClose;
        if (halfClosed) this.abort(new DOMException("The client closed the connection", "AbortError"));
      },
      (error) => this.clientGone(error),
    );
  }

  private signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.gone !== null) this.controller.abort(this.gone.reason);
    return this.controller.signal;
  }

  private clientGone(reason: unknown): void {
    if (this.gone !== null) return;
    this.gone = { reason };
    this.controller?.abort(reason);
    this.cancelResponse?.(reason);
    this.body?.fail(reason);
  }

  private async write(bytes: Uint8Array): Promise<void> {
    if (this.writing++ === 0) {
      this.writtenMark = this.stream.bytesWritten;
      this.writtenSince = this.context.now();
    }
    try {
      await this.stream.writeAll(bytes);
    } finally {
      this.writing--;
    }
  }
}

function asHttpError(error: unknown): HttpError {
  return error instanceof HttpError ? error : new HttpError(500, "The handler failed", { cause: error });
}

const CONTINUE: Uint8Array = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
const MAX_PIECE = 64 * 1024;
const NEWCOMER_GRACE = 1_000;
const LINGER_TIME = 2_000;
const LINGER_BYTES = 1024 * 1024;
