import { describe, expect, test } from "vitest";
import { httpRequest, requestTakesStream } from "../../src/http/http-request.ts";
import { HttpError, httpResponse } from "../../src/http/index.ts";
import { bytes } from "./sources.ts";

function stream(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes(text));
      controller.close();
    },
  });
}

// `streams: false` is what Firefox and Safari need, whose Request takes no stream.
describe.each([true, false])("httpRequest() where Request takes a stream: %s", (streams) => {
  const make = (body: string | null, headers: Record<string, string> = {}): Request =>
    httpRequest("http://a/b", {
      method: "POST",
      headers: new Headers(headers),
      body: body === null ? null : stream(body),
      signal: () => AbortSignal.timeout(10_000),
      streams,
    });

  test("is a Request with its own headers and signal", () => {
    const request = make("body", { cookie: "a=b", host: "c" });
    expect(request).toBeInstanceOf(Request);
    expect([request.method, request.url]).toEqual(["POST", "http://a/b"]);
    expect(Object.fromEntries(request.headers)).toEqual({ cookie: "a=b", host: "c" });
    expect(request.signal).toBeInstanceOf(AbortSignal);
  });

  test("is read once, in each way", async () => {
    expect(await make("text").text()).toBe("text");
    expect(await make('{"a":1}').json()).toEqual({ a: 1 });
    expect(new Uint8Array(await make("ab").arrayBuffer())).toEqual(bytes("ab"));
    expect(await (await make("ab").blob()).text()).toBe("ab");
    const form = await make("a=b", { "content-type": "application/x-www-form-urlencoded" }).formData();
    expect(form.get("a")).toBe("b");
    const request = make("text");
    expect(request.bodyUsed).toBe(false);
    await request.text();
    expect(request.bodyUsed).toBe(true);
    await expect(request.text()).rejects.toThrow(TypeError);
  });

  test("streams", async () => {
    const reader = make("text").body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("text");
    expect((await reader.read()).done).toBe(true);
  });

  test("has no body if it came with none", async () => {
    expect(make(null).body).toBeNull();
    expect(await make(null).text()).toBe("");
  });

  test("is cloned with everything", async () => {
    const request = make("text", { cookie: "a=b" });
    const copy = request.clone();
    const third = copy.clone();
    copy.headers.set("cookie", "changed");
    expect([await request.text(), await copy.text(), await third.text()]).toEqual(["text", "text", "text"]);
    expect([request.headers.get("cookie"), third.headers.get("cookie")]).toEqual(["a=b", "a=b"]);
    expect(() => request.clone()).toThrow(TypeError);
  });

  test("gives headers and body to a new Request made after it", async () => {
    const other = new Request("http://c/", make("text", { "x-a": "b" }));
    expect([await other.text(), other.headers.get("x-a")]).toEqual(["text", "b"]);
  });
});

test("requestTakesStream() is true in Node", () => {
  expect(requestTakesStream()).toBe(true);
});

describe("httpResponse()", () => {
  test("keeps several Set-Cookie, also in a clone", async () => {
    const response = httpResponse("x", {
      status: 201,
      headers: [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ],
    });
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      201,
      "text/plain;charset=UTF-8",
    ]);
    expect(response.clone().headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.text()).toBe("x");
  });

  test("refuses what HTTP cannot carry", () => {
    expect(() => httpResponse("x", { status: 99 })).toThrow(RangeError);
    expect(() => httpResponse("x", { headers: { a: "b\nc" } })).toThrow(TypeError);
    expect(() => httpResponse("x", { status: 204 })).toThrow(TypeError);
  });
});

describe("HttpError", () => {
  test("makes its answer, and tells nothing of the server's own failures", async () => {
    const answer = new HttpError(404, "No such file").getResponse();
    expect([answer.status, await answer.text()]).toEqual([404, "No such file\n"]);
    expect(await new HttpError(500, "password wrong in /etc/x").getResponse().text()).toBe(
      "The server failed\n",
    );
  });

  test("has a status of an error", () => {
    expect(() => new HttpError(200, "fine")).toThrow(RangeError);
  });
});
