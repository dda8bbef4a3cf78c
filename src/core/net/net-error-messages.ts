// Where the errors of core/net, and of networks that wish so, get their texts: what failed, on what, why.
// "Cannot connect to 127.0.0.1:5432: connection refused".

import { NetError, type NetErrorCode, type NetErrorOptions, type NetOperation } from "./net-error.ts";

export interface FailureOptions extends NetErrorOptions {
  readonly op: NetOperation;
  /** Stands in for the address in the text, such as the name that was asked for. */
  readonly target?: string | undefined;
  /** Stands in for the general text of the code. No capital, no period. */
  readonly reason?: string | undefined;
}

/** The NetError for a failed operation, with a text made of operation, address and code. */
export function failure(code: NetErrorCode | (string & {}), options: FailureOptions): NetError {
  const about = options.op === "bind" || options.op === "accept" ? options.localAddr : options.peerAddr;
  const target = options.target ?? about?.toString();
  const action = actions[options.op](target);
  return new NetError(code, `Cannot ${action}: ${options.reason ?? reasonOf(code)}`, options);
}

/**
 * The failure of a connection, told of one operation: what a source threw, as the caller of read or write sees it.
 * The source's own error is its cause.
 */
export function failureOf(error: NetError, options: FailureOptions): NetError {
  const known = Object.hasOwn(reasons, error.code);
  return failure(error.code, {
    ...options,
    reason: known ? undefined : error.message,
    retryAfter: error.retryAfter,
    rule: error.rule,
    cause: error,
  });
}

/** The failure of a connection as a whole: what `closed` rejects with. */
export function connectionFailure(code: NetErrorCode | (string & {}), options: NetErrorOptions): NetError {
  const peer = options.peerAddr === undefined ? "" : ` to ${options.peerAddr}`;
  return new NetError(code, `Connection${peer} failed: ${reasonOf(code)}`, options);
}

/** What a code means, in words: `"connection refused"`. */
export function reasonOf(code: string): string {
  return Object.hasOwn(reasons, code) ? reasons[code as NetErrorCode] : code;
}

const to = (target: string | undefined): string => (target === undefined ? "" : ` ${target}`);

const actions: { readonly [Op in NetOperation]: (target: string | undefined) => string } = {
  connect: (target) => `connect${to(target && `to ${target}`)}`,
  bind: (target) => `listen${to(target && `on ${target}`)}`,
  accept: (target) => `accept${to(target && `on ${target}`)}`,
  read: (target) => `read${to(target && `from ${target}`)}`,
  write: (target) => `write${to(target && `to ${target}`)}`,
  shutdown: (target) => `shut down the connection${to(target && `to ${target}`)}`,
  close: (target) => `close the connection${to(target && `to ${target}`)}`,
  lookup: (target) => `look up${to(target && `"${target}"`)}`,
};

const reasons: { readonly [Code in NetErrorCode]: string } = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  ECONNABORTED: "connection aborted",
  ETIMEDOUT: "timed out",
  EPIPE: "sending has ended",
  ENOTCONN: "not connected",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address not available",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENETDOWN: "network is down",
  EACCES: "permission denied",
  EMFILE: "too many open files",
  ENOBUFS: "no buffer space",
  EMSGSIZE: "message too long",
  EPROTO: "protocol error",
  EINVAL: "invalid argument",
  ENOTSUP: "not supported",
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name lookup failed for now",
  ERR_SOCKET_CLOSED: "closed on this side",
  ERR_UNEXPECTED_EOF: "the stream ended early",
  ERR_SESSION_EXPIRED: "the session has expired",
  ERR_NAME_TAKEN: "a newer tunnel has taken the name",
  ERR_LIMIT: "a limit was reached",
  ERR_VERSION: "the other side speaks another version",
  ERR_DENIED: "denied by policy",
};
