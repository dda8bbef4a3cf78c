// What the stack refuses at once, with Node's error codes.

export class StackError extends Error {
  override readonly name = "StackError";
  readonly code: "EADDRINUSE" | "EADDRNOTAVAIL" | "ENETUNREACH" | "ERR_LIMIT" | "EINVAL";

  constructor(code: StackError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
