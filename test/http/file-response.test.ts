import { describe, expect, test } from "vitest";
import { contentDisposition } from "../../src/http/content-disposition.ts";
import { type FileResponseOptions, fileResponse } from "../../src/http/index.ts";
import { parseRange } from "../../src/http/range.ts";

const content = "0123456789";
const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const file = new File([content], "notes.txt", { type: "text/plain", lastModified: time });
const etag = `"a-${time.toString(16)}"`;
const modified = "Fri, 02 Jan 2026 03:04:05 GMT";

async function get(headers: Record<string, string> = {}, options?: FileResponseOptions, method = "GET") {
  const response = fileResponse({ method, headers: new Headers(headers) }, file, options);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

describe("fileResponse()", () => {
  test("sends a file whole, with all that a later request needs", async () => {
    expect(await get()).toEqual({
      status: 200,
      body: content,
      headers: {
        "accept-ranges": "bytes",
        "content-disposition": 'attachment; filename="notes.txt"',
        "content-length": "10",
        "content-type": "text/plain",
        etag,
        "last-modified": modified,
      },
    });
  });

  test("sends a HEAD without the content", async () => {
    const { status, headers, body } = await get({ Range: "bytes=0-1" }, {}, "HEAD");
    expect([status, headers["content-length"], body]).toEqual([200, "10", ""]);
  });

  test("refuses other methods", async () => {
    const { status, headers } = await get({}, {}, "POST");
    expect([status, headers["allow"]]).toEqual([405, "GET, HEAD"]);
  });

  test("takes name, type, disposition, validators and headers from its options", async () => {
    const { headers } = await get(
      {},
      {
        name: "ü.bin",
        disposition: "inline",
        type: "a/b",
        etag: '"v1"',
        lastModified: 0,
        headers: { "X-A": "b" },
      },
    );
    expect(headers).toMatchObject({
      "content-disposition": "inline; filename=\"_.bin\"; filename*=UTF-8''%C3%BC.bin",
      "content-type": "a/b",
      etag: '"v1"',
      "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT",
      "x-a": "b",
    });
  });

  test("has no validator and no name for a Blob", async () => {
    const response = fileResponse({ method: "GET", headers: new Headers() }, new Blob(["x"]));
    expect(Object.fromEntries(response.headers)).toEqual({
      "accept-ranges": "bytes",
      "content-length": "1",
      "content-type": "application/octet-stream",
    });
  });

  test.each([
    ["bytes=0-0", "0", "bytes 0-0/10"],
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=7-99", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-99", content, "bytes 0-9/10"],
    ["Bytes=0-1", "01", "bytes 0-1/10"],
  ])("sends a part for Range: %s", async (range, body, contentRange) => {
    const response = await get({ Range: range });
    expect([response.status, response.body, response.headers["content-range"]]).toEqual([
      206,
      body,
      contentRange,
    ]);
    expect(response.headers["content-length"]).toBe(String(body.length));
    expect(response.headers["content-type"]).toBe("text/plain");
  });

  test("sends several parts", async () => {
    const { status, headers, body } = await get({ Range: "bytes=0-1, 5-6,-1" });
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers["content-type"] ?? "")?.[1];
    expect(status).toBe(206);
    expect(headers["content-length"]).toBe(String(body.length));
    const part = (range: string, text: string): string =>
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}`;
    expect(body).toBe(`${part("0-1", "01")}${part("5-6", "56")}${part("9-9", "9")}\r\n--${boundary}--\r\n`);
  });

  test.each(["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-, 100-"])(
    "answers %s with 416",
    async (range) => {
      const { status, headers, body } = await get({ Range: range });
      expect([status, headers["content-range"], body]).toEqual([
        416,
        "bytes */10",
        "The file has 10 bytes\n",
      ]);
    },
  );

  test.each([
    "bytes=5-2",
    "bytes=a-b",
    "bytes=",
    "bytes=-",
    "lines=1-2",
    "bytes=1-2-3",
    "bytes=0-5,3-8",
    "0-1",
  ])("ignores Range: %s", async (range) => {
    expect(await get({ Range: range })).toMatchObject({ status: 200, body: content });
  });

  test.each([
    ["the same tag", etag, 206],
    ["another tag", '"x"', 200],
    ["a weak tag", `W/${etag}`, 200],
    ["the same time", modified, 206],
    ["another time", "Fri, 02 Jan 2026 03:04:06 GMT", 200],
    ["nonsense", "yesterday", 200],
  ])("sends a part for If-Range with %s only if the file is the same", async (_name, value, status) => {
    expect((await get({ Range: "bytes=0-1", "If-Range": value })).status).toBe(status);
  });

  test.each<[string, Record<string, string>, number]>([
    ["If-None-Match with the tag", { "If-None-Match": etag }, 304],
    ["If-None-Match with the weak tag", { "If-None-Match": `W/${etag}` }, 304],
    ["If-None-Match in a list", { "If-None-Match": `"x", ${etag}` }, 304],
    ["If-None-Match with *", { "If-None-Match": "*" }, 304],
    ["If-None-Match with another", { "If-None-Match": '"x"', "If-Modified-Since": modified }, 200],
    ["If-Modified-Since then", { "If-Modified-Since": modified }, 304],
    ["If-Modified-Since before", { "If-Modified-Since": "Fri, 02 Jan 2026 03:04:04 GMT" }, 200],
    ["If-Match with the tag", { "If-Match": etag }, 200],
    ["If-Match with another", { "If-Match": '"x"' }, 412],
    ["If-Match with the weak tag", { "If-Match": `W/${etag}` }, 412],
    ["If-Unmodified-Since then", { "If-Unmodified-Since": modified }, 200],
    ["If-Unmodified-Since before", { "If-Unmodified-Since": "Fri, 02 Jan 2026 03:04:04 GMT" }, 412],
  ])("answers %s", async (_name, headers, status) => {
    const response = await get(headers);
    expect(response.status).toBe(status);
    if (status !== 200) expect(response.body).toBe("");
    if (status === 304) expect(response.headers).toMatchObject({ etag, "last-modified": modified });
  });
});

test("parseRange() bounds what one request can ask for", () => {
  const many = Array.from({ length: 17 }, (_, index) => `${index * 2}-${index * 2}`).join(",");
  expect(parseRange(`bytes=${many}`, 1000)).toBeNull();
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
});

describe("contentDisposition()", () => {
  test.each([
    [undefined, "attachment"],
    ["a b.txt", 'attachment; filename="a b.txt"'],
    ['q"uote.txt', "attachment; filename=\"q_uote.txt\"; filename*=UTF-8''q%22uote.txt"],
    ["../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'],
    ["a\\b\r\nSet-Cookie: x", 'attachment; filename="a_b__Set-Cookie: x"'],
    ["100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"],
    ["it's (1)*.txt", 'attachment; filename="it\'s (1)*.txt"'],
    [
      "日本'(1).txt",
      "attachment; filename=\"__'(1).txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%27%281%29.txt",
    ],
    ["half\ud800.txt", 'attachment; filename="half_.txt"'],
  ])("names %j", (name, value) => {
    expect(contentDisposition("attachment", name)).toBe(value);
  });
});
