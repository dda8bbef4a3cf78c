// Options of connections over a route: the stack's, the route's, and what the connection asks for.

import { expect, it } from "vitest";
import { Route } from "../../../src/core/stack/route.ts";
import { defaultTcpOptions } from "../../../src/core/tcp/options.ts";
import { Prefix } from "../../../src/core/wire/prefix.ts";

const route = (): Route => {
  const prefix = Prefix.parse("10.0.0.0/8") as Prefix;
  return new Route(prefix, { reliable: false, checksum: true, mtu: 1_500 }, defaultTcpOptions, 1);
};

it("connections that ask for nothing share the route's options, those with one frozen object theirs", () => {
  const over = route();
  const usual = Object.freeze({ noDelay: true });
  expect(over.optionsWith(undefined)).toBe(over.tcp);
  expect(over.optionsWith(usual)).toBe(over.optionsWith(usual));
  expect(over.optionsWith(usual).noDelay).toBe(true);
});

it("what asks for nothing else shares the route's options, whatever object it brings", () => {
  const over = route();
  expect(over.optionsWith({ hopLimit: over.tcp.hopLimit })).toBe(over.tcp);
});

it("an object that its owner may change is read each time", () => {
  const over = route();
  const tcp = { hopLimit: 10 };
  const first = over.optionsWith(tcp);
  tcp.hopLimit = 11;
  expect([first.hopLimit, over.optionsWith(tcp).hopLimit]).toEqual([10, 11]);
});
