import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBody } from "../../src/http/body-decoder.ts";
import type { ByteReader } from "../../src/http/byte-reader.ts";
import type { Framing } from "../../src/http/framing.ts";
import { bytes, reader, text, trickle } from "./sources.ts";

const noLimits = { maxBodyBytes: Number.POSITIVE_INFINITY, maxChunkBytes: 65536 };
const CHUNKED: Framing = { kind: "chunked" };

async function all(input: ByteReader, framing: Framing, limits = noLimits): Promise<string> {
  const decoder = decodeBody(input, framing, limits);
  let body = "";
  for (let piece = await decoder.read(); piece !== null; piece = await decoder.read()) {
    expect(piece.length).toBeGreaterThan(0);
    body += text(piece);
  }
  expect(decoder.ended).toBe(true);
  expect(await decoder.read()).toBeNull();
  return body;
}

describe("decodeBody() by length", () => {
  test("reads that much and no more", async () => {
    const input = reader("hello", " world and more");
    expect(await all(input, { kind: "length", length: 11 })).toBe("hello world");
    expect(text(input.take(100))).toBe(" and more");
  });

  test("ends with its last piece, not one read later", async () => {
    const decoder = decodeBody(reader("abc"), { kind: "length", length: 3 }, noLimits);
    await decoder.read();
    expect(decoder.ended).toBe(true);
  });

  test("refuses a stream that ends early", async () => {
    await expect(all(reader("hel"), { kind: "length", length: 5 })).rejects.toMatchObject({ status: 400 });
  });

  test("refuses a length beyond the limit before a byte is read", () => {
    const limits = { ...noLimits, maxBodyBytes: 4 };
    expect(() => decodeBody(reader(), { kind: "length", length: 5 }, limits)).toThrow(
      expect.objectContaining({ status: 413 }),
    );
  });
});

describe("decodeBody() chunked", () => {
  test("reads chunks, extensions and a trailer, and leaves what follows", async () => {
    const input = '5\r\nhello\r\n6;name=value;"quoted"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /';
    for (const from of [reader(input), trickle(input)]) {
      expect(await all(from, CHUNKED)).toBe("hello world");
      await from.fill();
      expect(text(from.take(1))).toBe("G");
    }
  });

  test("reads sizes in both cases and with zeros in front", async () => {
    expect(
      await all(reader(`0000a\r\n${"x".repeat(10)}\r\nA\r\n${"y".repeat(10)}\r\n000\r\n\r\n`), CHUNKED),
    ).toBe("x".repeat(10) + "y".repeat(10));
  });

  test.each([
    ["a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["a size with other letters", "3zz\r\nabc\r\n0\r\n\r\n"],
    ["a signed size", "+3\r\nabc\r\n0\r\n\r\n"],
    ["a negative size", "-3\r\nabc\r\n0\r\n\r\n"],
    ["an empty size", "\r\nabc\r\n0\r\n\r\n"],
    ["a size with a space in front", " 3\r\nabc\r\n0\r\n\r\n"],
    ["a size with a space behind", "3 \r\nabc\r\n0\r\n\r\n"],
    ["a size that overflows", "FFFFFFFFFFFFFFFF1\r\nabc\r\n0\r\n\r\n"],
    ["a size ended by LF", "3\nabc\r\n0\r\n\r\n"],
    ["an extension with a bare CR", "3;a\rb\r\nabc\r\n0\r\n\r\n"],
    ["an extension with a control character", "3;a\x00\r\nabc\r\n0\r\n\r\n"],
    ["data that is too long", "3\r\nabcd\r\n0\r\n\r\n"],
    ["data ended by LF", "3\r\nabc\n0\r\n\r\n"],
    ["data ended by CR alone", "3\r\nabc\rX0\r\n\r\n"],
    ["a trailer that is no field", "0\r\nno field\r\n\r\n"],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
    ["an end before the size", "3\r\nabc\r\n"],
    ["an end within the size", "3"],
    ["an end within the data", "5\r\nab"],
    ["an end after the data", "3\r\nabc"],
    ["an end within the trailer", "0\r\nA: b\r\n"],
    ["an end before the last line", "0\r\n"],
  ])("refuses %s", async (_name, input) => {
    await expect(all(reader(input), CHUNKED)).rejects.toMatchObject({ status: 400 });
    await expect(all(trickle(input), CHUNKED)).rejects.toMatchObject({ status: 400 });
  });

  test("refuses a long extension, many extensions and a large trailer", async () => {
    const long = `1;${"x".repeat(5000)}\r\na\r\n0\r\n\r\n`;
    await expect(all(reader(long), CHUNKED)).rejects.toMatchObject({ status: 400 });
    const many = `1;${"x".repeat(1000)}\r\na\r\n`.repeat(40);
    await expect(all(reader(`${many}0\r\n\r\n`), CHUNKED)).rejects.toMatchObject({ status: 400 });
    const trailer = `0\r\n${`A: ${"b".repeat(1000)}\r\n`.repeat(10)}\r\n`;
    await expect(all(reader(trailer), CHUNKED)).rejects.toMatchObject({ status: 431 });
  });

  test("takes small chunks without extensions, however many", async () => {
    expect(await all(reader("1\r\na\r\n".repeat(20_000), "0\r\n\r\n"), CHUNKED)).toHaveLength(20_000);
  });

  test("refuses a body beyond the limit at the chunk that goes beyond it", async () => {
    const input = reader("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    await expect(all(input, CHUNKED, { ...noLimits, maxBodyBytes: 5 })).rejects.toMatchObject({
      status: 413,
    });
  });

  test("gives back what was encoded, whatever the chunks and however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
        async (chunks, cuts) => {
          const encoded = chunks
            .map((chunk) => `${chunk.length.toString(16)}\r\n${text(chunk)}\r\n`)
            .join("");
          const wire = `${encoded}0\r\n\r\n`;
          const pieces: string[] = [];
          for (let at = 0, index = 0; at < wire.length; index++) {
            const size = cuts[index % cuts.length]!;
            pieces.push(wire.slice(at, at + size));
            at += size;
          }
          expect(await all(reader(...pieces), CHUNKED)).toBe(chunks.map(text).join(""));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("never hangs and never throws anything but an HttpError, whatever comes", async () => {
    const alphabet = fc.constantFrom(
      "0",
      "1",
      "5",
      "a",
      "\r\n",
      "\r",
      "\n",
      ";",
      " ",
      "x",
      "\x00",
      "0\r\n\r\n",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(alphabet, { maxLength: 40 }), async (parts) => {
        try {
          await all(reader(...parts), CHUNKED);
        } catch (error) {
          expect(error).toMatchObject({ name: "HttpError" });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decodeBody() up to the end of the stream", () => {
  test("reads everything", async () => {
    expect(await all(reader("abc", "def"), { kind: "close" })).toBe("abcdef");
  });

  test("holds the limit", async () => {
    const limits = { ...noLimits, maxBodyBytes: 5 };
    await expect(all(reader("abc", "def"), { kind: "close" }, limits)).rejects.toMatchObject({ status: 413 });
  });
});

test("decodeBody() gives pieces no larger than asked", async () => {
  const decoder = decodeBody(
    reader(bytes("x".repeat(100))),
    { kind: "length", length: 100 },
    { ...noLimits, maxChunkBytes: 30 },
  );
  expect((await decoder.read())?.length).toBe(30);
});
