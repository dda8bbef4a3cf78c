// From the errors of node:net and node:dns to NetError, by `code` alone: errno has another sign in Bun, the
// syscall is wrong there ("EPIPE read"), texts and classes differ everywhere.

import { NetError } from "../../core/net/net-error.ts";
import { type FailureOptions, failure, reasonOf } from "../../core/net/net-error-messages.ts";

/** The NetError for what a socket, a server or a lookup failed with. */
export function socketFailure(error: unknown, options: FailureOptions): NetError {
  if (NetError.is(error)) return error;
  const given = codeOf(error);
  const code = given === undefined ? "ECONNABORTED" : (translations[given] ?? given);
  const text = error instanceof Error ? error.message : String(error);
  // A code that core/net has no words for is told in the runtime's.
  return failure(code, {
    ...options,
    ...(reasonOf(code) === code && text !== "" && { reason: text }),
    cause: error,
  });
}

/** The `code` of an error; of several attempts, that of the last one. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = (error as { readonly code?: unknown }).code;
  if (typeof code === "string" && code !== "") return code;
  if (error instanceof AggregateError) return codeOf(error.errors.at(-1));
  return undefined;
}

const translations: { readonly [code: string]: string } = {
  EPERM: "EACCES",
  ERR_ACCESS_DENIED: "EACCES",
  EHOSTDOWN: "EHOSTUNREACH",
  ENFILE: "EMFILE",
  ENOMEM: "ENOBUFS",
  ECANCELED: "ECONNABORTED",
  ABORT_ERR: "ECONNABORTED",
  ENODATA: "ENOTFOUND",
  EAI_NONAME: "ENOTFOUND",
  EAI_NODATA: "ENOTFOUND",
  ETIMEOUT: "EAI_AGAIN",
  EAI_FAIL: "EAI_AGAIN",
  ERR_SOCKET_CONNECTION_TIMEOUT: "ETIMEDOUT",
  ERR_STREAM_DESTROYED: "ERR_SOCKET_CLOSED",
  ERR_STREAM_PREMATURE_CLOSE: "ERR_SOCKET_CLOSED",
  ERR_STREAM_WRITE_AFTER_END: "EPIPE",
  ERR_SERVER_NOT_RUNNING: "ERR_SOCKET_CLOSED",
};
