import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  failure,
  failureOf,
  NetError,
  type NetErrorCode,
  type NetOperation,
  SocketAddr,
} from "../../../src/core/net/index.ts";

const localAddr = new SocketAddr("127.0.0.1", 40_000);
const peerAddr = new SocketAddr("::1", 5432);

describe("NetError", () => {
  it("is an Error with a name, a code, and only the fields that are known", () => {
    const cause = new Error("why");
    const error = new NetError("ECONNRESET", "Something failed", { op: "read", peerAddr, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("NetError");
    expect(String(error)).toBe("NetError: Something failed");
    expect(Object.keys(error).sort()).toEqual(["code", "op", "peerAddr"]);
    expect(error.cause).toBe(cause);
    expect(error.bytesWritten).toBeUndefined();
    expect(inspect(error)).not.toContain("undefined");
  });

  it("has the fields that readers of Node's errors look for", () => {
    const connect = new NetError("ECONNREFUSED", "No", { op: "connect", localAddr, peerAddr });
    expect([connect.syscall, connect.address, connect.port]).toEqual(["connect", "::1", 5432]);
    const bind = new NetError("EADDRINUSE", "No", { op: "bind", localAddr, peerAddr });
    expect([bind.syscall, bind.address, bind.port]).toEqual(["listen", "127.0.0.1", 40_000]);
    const bare = new NetError("EPIPE", "No");
    expect([bare.syscall, bare.address, bare.port]).toEqual([undefined, undefined, undefined]);
  });

  it("tells a timeout as Go does", () => {
    expect(new NetError("ETIMEDOUT", "Late").isTimeout).toBe(true);
    expect(new NetError("ECONNRESET", "Gone").isTimeout).toBe(false);
  });

  it("is recognised by its brand, in whichever copy of the package it was made", () => {
    const foreign = Object.assign(Object.create({ [Symbol.for("fourtuple.NetError")]: true }), {
      code: "EPIPE",
    });
    expect(NetError.is(foreign)).toBe(true);
    expect(NetError.is(foreign, "EPIPE")).toBe(true);
    expect(NetError.is(foreign, "ECONNRESET")).toBe(false);
    for (const other of [new Error("No"), { code: "EPIPE" }, null, undefined, "EPIPE"]) {
      expect(NetError.is(other)).toBe(false);
    }
  });

  it("carries retryAfter and rule, and codes that are not in the list", () => {
    const error = new NetError("ERR_LATER", "No", {
      retryAfter: 1_500,
      rule: "tcp:10.0.0.0/8:*",
      bytesWritten: 0,
    });
    expect(error).toMatchObject({
      code: "ERR_LATER",
      retryAfter: 1_500,
      rule: "tcp:10.0.0.0/8:*",
      bytesWritten: 0,
    });
  });
});

describe("failure()", () => {
  it.each<[NetErrorCode, NetOperation, string]>([
    ["ECONNREFUSED", "connect", "Cannot connect to [::1]:5432: connection refused"],
    ["EADDRINUSE", "bind", "Cannot listen on 127.0.0.1:40000: address already in use"],
    ["EMFILE", "accept", "Cannot accept on 127.0.0.1:40000: too many open files"],
    ["ECONNRESET", "read", "Cannot read from [::1]:5432: connection reset by peer"],
    ["EPIPE", "write", "Cannot write to [::1]:5432: sending has ended"],
    ["ERR_SOCKET_CLOSED", "shutdown", "Cannot shut down the connection to [::1]:5432: closed on this side"],
    ["ETIMEDOUT", "close", "Cannot close the connection to [::1]:5432: timed out"],
  ])("makes the text of %s at %s", (code, op, message) => {
    expect(failure(code, { op, localAddr, peerAddr })).toMatchObject({
      code,
      op,
      message,
      localAddr,
      peerAddr,
    });
  });

  it("names what was asked for instead of an address, and the reason instead of the code", () => {
    expect(failure("ENOTFOUND", { op: "lookup", target: "db.internal" }).message).toBe(
      'Cannot look up "db.internal": name not found',
    );
    expect(
      failure("ERR_DENIED", { op: "connect", target: "db:1", reason: "no rule allows it" }).message,
    ).toBe("Cannot connect to db:1: no rule allows it");
    expect(failure("ECONNRESET", { op: "read" }).message).toBe("Cannot read: connection reset by peer");
    expect(failure("EWHATEVER", { op: "read" }).message).toBe("Cannot read: EWHATEVER");
  });

  it("retells a connection's failure for one operation, with the first error as its cause", () => {
    const first = new NetError("ERR_LIMIT", "Too many streams", { retryAfter: 10, rule: "r" });
    const told = failureOf(first, { op: "write", peerAddr, bytesWritten: 7 });
    expect(told).toMatchObject({
      code: "ERR_LIMIT",
      op: "write",
      message: "Cannot write to [::1]:5432: a limit was reached",
      retryAfter: 10,
      rule: "r",
      bytesWritten: 7,
      cause: first,
    });
    const odd = failureOf(new NetError("EODD", "Odd things happened"), { op: "read", peerAddr });
    expect(odd.message).toBe("Cannot read from [::1]:5432: Odd things happened");
  });
});
