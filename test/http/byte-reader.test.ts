import { describe, expect, test } from "vitest";
import { reader, text, trickle } from "./sources.ts";

describe("ByteReader.readHead()", () => {
  test("ends at the empty line and leaves what follows", async () => {
    const input = reader("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody");
    expect(text((await input.readHead(100))!)).toBe("GET / HTTP/1.1\r\nHost: a");
    expect(text(input.take(100))).toBe("body");
  });

  test("takes a head that comes byte by byte, however the bytes are cut", async () => {
    const head = "GET /x HTTP/1.1\r\nHost: example\r\nA: b\r\n\r\n";
    expect(text((await trickle(`${head}rest`).readHead(100))!)).toBe(head.slice(0, -4));
  });

  test("takes a head without fields", async () => {
    expect(text((await reader("GET / HTTP/1.0\r\n\r\n").readHead(100))!)).toBe("GET / HTTP/1.0");
  });

  test("skips empty lines before the start line", async () => {
    expect(text((await reader("\r\n\r\nGET / HTTP/1.0\r\n\r\n").readHead(100))!)).toBe("GET / HTTP/1.0");
  });

  test("gives null at the end of the stream", async () => {
    expect(await reader().readHead(100)).toBeNull();
    expect(await reader("\r\n").readHead(100)).toBeNull();
  });

  test.each([
    ["a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400],
    ["a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400],
    ["an end within the head", "GET / HTTP/1.1\r\nHost: a\r\n", 400],
    ["a request line beyond the limit", `GET /${"a".repeat(100)}`, 414],
    ["a whole request line beyond the limit", `GET /${"a".repeat(100)} HTTP/1.1\r\n\r\n`, 414],
    ["fields beyond the limit", `GET / HTTP/1.1\r\nA: ${"a".repeat(100)}\r\n\r\n`, 431],
    ["fields beyond the limit without an end", `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(50)}`, 431],
    ["empty lines without end", "\r\n".repeat(200), 414],
  ])("refuses %s", async (_name, input, status) => {
    await expect(reader(input).readHead(100)).rejects.toMatchObject({ status });
    await expect(trickle(input).readHead(100)).rejects.toMatchObject({ status });
  });

  test("never holds more than the limit and one piece", async () => {
    const input = reader(...Array.from({ length: 1000 }, () => "a".repeat(64)));
    await expect(input.readHead(1024)).rejects.toMatchObject({ status: 414 });
    expect(input.buffered).toBeLessThanOrEqual(1024 + 64);
  });
});

describe("ByteReader.fill()", () => {
  test("is shared by all who wait, so that nothing is lost", async () => {
    const input = reader("abc", "def");
    expect(await Promise.all([input.fill(), input.fill(), input.fill()])).toEqual([true, true, true]);
    expect(text(input.take(10))).toBe("abc");
    expect(await input.fill()).toBe(true);
    expect(text(input.take(10))).toBe("def");
    expect(await input.fill()).toBe(false);
    expect(await input.fill()).toBe(false);
  });

  test("does not write to views that were taken", async () => {
    const input = reader("abcdef", "ghi", "jkl");
    await input.fill();
    const first = input.take(3);
    await input.fill();
    const second = input.take(2);
    await input.fill();
    expect(text(input.take(100))).toBe("fghijkl");
    expect(text(first) + text(second)).toBe("abcde");
  });
});

describe("ByteReader.readLine()", () => {
  test("reads lines up to their limit", async () => {
    const input = trickle("abc\r\n\r\ndef\r\n");
    expect(text((await input.readLine(3))!)).toBe("abc");
    expect(text((await input.readLine(0))!)).toBe("");
    expect(text((await input.readLine(3))!)).toBe("def");
    expect(await input.readLine(3)).toBeNull();
  });

  test.each([
    ["too long", "abcd\r\n"],
    ["too long and without an end", "abcdefgh"],
    ["ended by a bare LF", "ab\n"],
    ["only a bare LF", "\n"],
  ])("refuses a line that is %s", async (_name, input) => {
    await expect(reader(input).readLine(3)).rejects.toMatchObject({ status: 400 });
    await expect(trickle(input).readLine(3)).rejects.toMatchObject({ status: 400 });
  });
});
