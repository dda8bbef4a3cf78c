import { describe, expect, test } from "vitest";
import { keepsAlive, requestFraming, responseFraming } from "../../src/http/framing.ts";
import { parseRequestHead, parseResponseHead } from "../../src/http/head.ts";
import { bytes } from "./sources.ts";

const limits = { maxRequestLineBytes: 200, maxHeaderCount: 10 };
const request = (...lines: string[]) => parseRequestHead(bytes(lines.join("\r\n")), limits);
const response = (...lines: string[]) => parseResponseHead(bytes(lines.join("\r\n")), limits);
const post = (...fields: string[]) => requestFraming(request("POST / HTTP/1.1", "Host: a", ...fields));

describe("parseRequestHead()", () => {
  test("takes a request apart and keeps names as they were written", () => {
    expect(
      request("GET /a?b=c HTTP/1.1", "Host: example", "X-Odd:\t padded \t", "x-odd: again", "Empty:"),
    ).toEqual({
      method: "GET",
      target: "/a?b=c",
      minor: 1,
      fields: [
        ["Host", "example"],
        ["X-Odd", "padded"],
        ["x-odd", "again"],
        ["Empty", ""],
      ],
    });
  });

  test("percent-encodes the UTF-8 that curl sends as it is", () => {
    expect(request("GET /\xc3\xbc HTTP/1.1").target).toBe("/%C3%BC");
  });

  test("keeps bytes above 0x7f in values as characters of the same number", () => {
    expect(request("GET / HTTP/1.1", "A: \xe9\x80").fields).toEqual([["A", "\xe9\x80"]]);
  });

  test.each([
    ["two spaces", "GET  / HTTP/1.1"],
    ["a tab", "GET\t/ HTTP/1.1"],
    ["a space in front", " GET / HTTP/1.1"],
    ["a space behind", "GET / HTTP/1.1 "],
    ["no version", "GET /"],
    ["no target", "GET HTTP/1.1"],
    ["a space in the target", "GET /a b HTTP/1.1"],
    ["a control character in the target", "GET /a\x01 HTTP/1.1"],
    ["NUL in the target", "GET /\x00 HTTP/1.1"],
    ["DEL in the target", "GET /\x7f HTTP/1.1"],
    ["a fragment", "GET /a#b HTTP/1.1"],
    ["a method that is no token", "G(T / HTTP/1.1"],
    ["a method without end", `${"G".repeat(65)} / HTTP/1.1`],
    ["a lower-case protocol", "GET / http/1.1"],
    ["another protocol", "GET / HTTPS/1.1"],
    ["a version in words", "GET / HTTP/one.one"],
    ["a bare CR", "GET /\rX HTTP/1.1"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["nothing", ""],
  ])("refuses a request line with %s", (_name, line) => {
    expect(() => request(line, "Host: a")).toThrow(expect.objectContaining({ status: 400 }));
  });

  test.each(["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"])("refuses %s with 505", (version) => {
    expect(() => request(`GET / ${version}`, "Host: a")).toThrow(expect.objectContaining({ status: 505 }));
  });

  test.each([
    ["white space before the colon", "Content-Length : 3"],
    ["a tab before the colon", "Content-Length\t: 3"],
    ["no colon", "Content-Length"],
    ["no name", ": 3"],
    ["a folded line", " folded"],
    ["a line folded with a tab", "\tfolded"],
    ["a name that is no token", "Content(Length: 3"],
    ["a name with a byte above 0x7f", "Content\xa0Length: 3"],
    ["a bare CR in a value", "A: b\rTransfer-Encoding: chunked"],
    ["a bare CR at the end of a value", "A: b\r"],
    ["NUL in a value", "A: b\x00c"],
    ["a control character in a value", "A: b\x0bc"],
    ["DEL in a value", "A: b\x7f"],
  ])("refuses a field with %s", (_name, line) => {
    expect(() => request("POST / HTTP/1.1", "Host: a", line)).toThrow(
      expect.objectContaining({ status: 400 }),
    );
  });

  test("refuses too many fields with 431 and a long request line with 414", () => {
    const many = Array.from({ length: 11 }, (_, index) => `A${index}: b`);
    expect(() => request("GET / HTTP/1.1", ...many)).toThrow(expect.objectContaining({ status: 431 }));
    expect(() => request(`GET /${"a".repeat(200)} HTTP/1.1`)).toThrow(
      expect.objectContaining({ status: 414 }),
    );
  });
});

describe("requestFraming(), the smuggling table", () => {
  test("knows the three ways to frame a request", () => {
    expect(post()).toEqual({ kind: "none" });
    expect(post("Content-Length: 42")).toEqual({ kind: "length", length: 42 });
    expect(post("Transfer-Encoding: chunked")).toEqual({ kind: "chunked" });
    expect(post("transfer-encoding: CHUNKED")).toEqual({ kind: "chunked" });
  });

  test.each([
    ["CL.TE", 400, ["Content-Length: 6", "Transfer-Encoding: chunked"]],
    ["TE.CL", 400, ["Transfer-Encoding: chunked", "Content-Length: 6"]],
    ["two lengths that differ", 400, ["Content-Length: 3", "Content-Length: 5"]],
    ["two lengths that agree", 400, ["Content-Length: 3", "Content-Length: 3"]],
    ["a list of lengths", 400, ["Content-Length: 3, 3"]],
    ["a length with a plus", 400, ["Content-Length: +3"]],
    ["a negative length", 400, ["Content-Length: -3"]],
    ["a hexadecimal length", 400, ["Content-Length: 0x3"]],
    ["a length with a point", 400, ["Content-Length: 3.0"]],
    ["a length with an exponent", 400, ["Content-Length: 3e1"]],
    ["an empty length", 400, ["Content-Length:"]],
    ["a length in other digits", 400, ["Content-Length: \xb2"]],
    ["a length beyond exact numbers", 400, ["Content-Length: 9999999999999999999"]],
    ["two codings", 400, ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
    ["TE.TE", 400, ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]],
    ["chunked twice", 501, ["Transfer-Encoding: chunked, chunked"]],
    ["chunked not last", 501, ["Transfer-Encoding: chunked, gzip"]],
    ["another coding before chunked", 501, ["Transfer-Encoding: gzip, chunked"]],
    ["identity", 501, ["Transfer-Encoding: identity"]],
    ["a misspelt coding", 501, ["Transfer-Encoding: xchunked"]],
    ["a quoted coding", 501, ['Transfer-Encoding: "chunked"']],
    ["a coding with a parameter", 501, ["Transfer-Encoding: chunked;a=b"]],
    ["an empty coding", 501, ["Transfer-Encoding:"]],
    ["a coding after a vertical tab", 400, ["Transfer-Encoding: \x0bchunked"]],
  ])("refuses %s", (_name, status, fields) => {
    expect(() => post(...fields)).toThrow(expect.objectContaining({ status }));
  });

  test("refuses a coding in HTTP/1.0", () => {
    const head = request("POST / HTTP/1.0", "Transfer-Encoding: chunked");
    expect(() => requestFraming(head)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe("parseResponseHead() and responseFraming()", () => {
  test("takes a response apart, with or without a reason", () => {
    expect(response("HTTP/1.1 404 Not Here", "A: b")).toEqual({
      minor: 1,
      status: 404,
      statusText: "Not Here",
      fields: [["A", "b"]],
    });
    expect(response("HTTP/1.0 200 ").statusText).toBe("");
    expect(response("HTTP/1.0 200").status).toBe(200);
  });

  test.each([
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    "200 OK",
    "ICY 200 OK",
    "HTTP/1.1 099 No",
  ])("refuses the status line %s", (line) => {
    expect(() => response(line)).toThrow("malformed");
  });

  test.each([
    ["GET", "HTTP/1.1 200 OK", [], "close"],
    ["GET", "HTTP/1.1 200 OK", ["Content-Length: 0"], "length"],
    ["GET", "HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], "chunked"],
    ["HEAD", "HTTP/1.1 200 OK", ["Content-Length: 5"], "none"],
    ["HEAD", "HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], "none"],
    ["GET", "HTTP/1.1 204 No Content", [], "none"],
    ["GET", "HTTP/1.1 304 Not Modified", ["Content-Length: 5"], "none"],
  ])("frames %s with %s %j as %s", (method, line, fields, kind) => {
    expect(responseFraming(response(line, ...fields), method).kind).toBe(kind);
  });

  test("refuses two statements about the length", () => {
    const head = response("HTTP/1.1 200 OK", "Content-Length: 5", "Transfer-Encoding: chunked");
    expect(() => responseFraming(head, "GET")).toThrow("both");
  });
});

describe("keepsAlive()", () => {
  test.each([
    [1, [], true],
    [0, [], false],
    [1, ["close"], false],
    [1, ["Upgrade, Close"], false],
    [0, ["keep-alive"], true],
    [0, ["Keep-Alive, close"], false],
    [1, ["keep-alive", "close"], false],
  ] as const)("HTTP/1.%i with Connection %j: %s", (minor, values, kept) => {
    expect(
      keepsAlive(
        values.map((value) => ["Connection", value] as const),
        minor,
      ),
    ).toBe(kept);
  });
});
