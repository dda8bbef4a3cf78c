// A failure that has an HTTP status (RFC 9110 15): what a peer sent cannot be accepted, or took too long.
// A handler may throw one, or let one from a request body pass, and the server answers with its status.

/** An error with the HTTP status that answers it. */
export class HttpError extends Error {
  override readonly name: string = "HttpError";
  /** 400 to 599. */
  readonly status: number;

  /**
   * @param status the status code of the answer
   * @param message what failed: sent to the client with 4xx, never with 5xx
   */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`The status of an HttpError must be 400 to 599, not ${status}`);
    }
    this.status = status;
  }

  /** The answer. Hono calls this for an error that has it. */
  getResponse(): Response {
    const text = this.status < 500 ? `${this.message}\n` : "The server failed\n";
    return new Response(text, {
      status: this.status,
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  }
}
