// From Deno's errors to NetError: by `code` where there is one, else by the name of the class.

import { type FailureOptions, failure, NetError, reasonOf } from "../../core/net/index.ts";

/** The NetError for what a connection, a listener or a lookup failed with. */
export function connFailure(error: unknown, options: FailureOptions): NetError {
  if (NetError.is(error)) return error;
  const { code, name, message } = error as {
    readonly code?: unknown;
    readonly name?: string;
    readonly message?: string;
  };
  const known = typeof code === "string" ? (codes[code] ?? code) : names[name ?? ""];
  const given = known ?? (/lookup address/.test(message ?? "") ? lookupCode(message ?? "") : "ECONNABORTED");
  // A code that core/net has no words for is told in Deno's.
  const reason = reasonOf(given) === given && message ? { reason: message } : {};
  return failure(given, { ...options, ...reason, cause: error });
}

/** Whether it says no more than that this side has closed already. */
export function isClosedHere(error: unknown): boolean {
  const { name } = error as { readonly name?: string };
  return name === "BadResource" || name === "Interrupted";
}

/** A failed lookup is a plain Error without a code: the one place where only the text of libc tells. */
function lookupCode(message: string): string {
  return /temporary|try again/i.test(message) ? "EAI_AGAIN" : "ENOTFOUND";
}

const codes: { readonly [code: string]: string } = {
  EPERM: "EACCES",
  EHOSTDOWN: "EHOSTUNREACH",
  ENFILE: "EMFILE",
  ENOMEM: "ENOBUFS",
  // A pending operation when this side closed.
  EINTR: "ERR_SOCKET_CLOSED",
  ECANCELED: "ERR_SOCKET_CLOSED",
};

const names: { readonly [name: string]: string | undefined } = {
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNABORTED",
  TimedOut: "ETIMEDOUT",
  BrokenPipe: "EPIPE",
  NotConnected: "ENOTCONN",
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  NetworkUnreachable: "ENETUNREACH",
  PermissionDenied: "EACCES",
  NotCapable: "EACCES",
  InvalidData: "EPROTO",
  // A host that cannot be a name, such as "a..b".
  URIError: "ENOTFOUND",
  BadResource: "ERR_SOCKET_CLOSED",
  Interrupted: "ERR_SOCKET_CLOSED",
};
