// Where a tunnel looks for relays, and in which order.
import { describe, expect, test } from "vitest";
import type { LinkDialer } from "../../src/core/link/index.ts";
import { Backoff } from "../../src/tunnel/backoff.ts";
import { Places } from "../../src/tunnel/places.ts";

function place(url: string): LinkDialer {
  if (!url.includes("://")) throw new TypeError(`Not a URL: ${url}`);
  return { description: url, dial: () => Promise.reject(new Error("not dialled here")) };
}

function names(places: Places): string[] {
  return places.inOrder().map(({ description }) => description);
}

describe("Relays are tried", () => {
  test("in the order given, and later the one first that was there last", () => {
    const [a, b] = [place("wss://a/"), place("wss://b/")];
    const places = new Places([a, b], place);
    expect(names(places)).toEqual(["wss://a/", "wss://b/"]);
    places.arrived(b);
    expect(names(places)).toEqual(["wss://b/", "wss://a/"]);
    expect(places.home).toBe(b);
  });

  test("after the one that goes has named others: those first, and none without TLS after one with it", () => {
    const a = place("wss://a/");
    const places = new Places([a], place);
    places.arrived(a);
    places.moveTo(["ws://plain/", "nonsense", "wss://c/"]);
    expect(names(places)).toEqual(["wss://c/", "wss://a/"]);
    // What an alternate refuses does not end the session of the one that named it.
    expect(places.home).toBe(a);
    const plain = new Places([place("ws://a/")], place);
    plain.arrived(place("ws://a/"));
    plain.moveTo(["ws://b/"]);
    expect(names(plain)[0]).toBe("ws://b/");
  });

  test("with links of the user's own: no others are made", () => {
    const places = new Places([place("mine://a")], null);
    places.moveTo(["wss://c/"]);
    expect(names(places)).toEqual(["mine://a"]);
  });
});

describe("A link that was lost is tried", () => {
  const half = (into: Uint8Array): unknown => into.fill(0x80);

  test("at once, then at a random time below a bound that doubles up to 15 s", () => {
    const backoff = new Backoff(half, 0);
    expect(backoff.lost(0)).toBe(0);
    const pauses = Array.from({ length: 9 }, () => Math.round(backoff.failed() / 1_000));
    expect(pauses).toEqual([125, 251, 502, 1_004, 2_008, 4_016, 7_529, 7_529, 7_529]);
    expect(backoff.lost(60_000_000)).toBe(0);
    expect(Math.round(backoff.failed() / 1_000)).toBe(125);
  });

  test("at once only so often: links that break again and again are dialled with pauses", () => {
    const backoff = new Backoff(half, 0);
    const atOnce = Array.from({ length: 40 }, () => backoff.lost(0)).filter((pause) => pause === 0);
    expect(atOnce).toHaveLength(20);
    expect(backoff.lost(1_000_000)).toBe(0);
  });
});
