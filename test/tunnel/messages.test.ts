import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ControlMessage, decodeControl, encodeControl } from "../../src/core/link/control-codec.ts";
import { CONTROL_HEADER } from "../../src/core/link/frames.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { networkAddresses } from "../../src/tunnel/addresses.ts";
import { isPrintable, printable, type Read } from "../../src/tunnel/fields.ts";
import * as flow from "../../src/tunnel/flow-messages.ts";
import * as handshake from "../../src/tunnel/handshake-messages.ts";
import * as names from "../../src/tunnel/name-messages.ts";
import * as publishing from "../../src/tunnel/publish-messages.ts";
import * as session from "../../src/tunnel/session-messages.ts";

const address = IpAddress.parse("fd00:1:2:3::4") as IpAddress;
const bytes = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, index) => index);

const welcome: handshake.Welcome = {
  session: bytes(16),
  link: 0,
  generation: 3,
  secret: bytes(32),
  state: bytes(8),
  grace: 300_000,
  survived: false,
  network: "example",
  name: "alice",
  subject: "ann",
  address,
  ...networkAddresses("example"),
  routes: { gatewayMtu: 65_535, gatewayChecksum: false, peerMtu: 9_000 },
  limits: { streams: 10, handles: 20, publications: 0, links: 1, message: 131_072 },
  receiveCap: 8 << 20,
};
const hello: handshake.Hello = {
  version: 1,
  nonce: bytes(32),
  token: "secret",
  name: "alice",
  receiveCap: 1 << 20,
  resume: undefined,
};
const resume = {
  session: bytes(16),
  state: bytes(8),
  link: 1,
  via: 0,
  generation: 2,
  attempt: 3,
  proof: bytes(32),
};

interface Shape {
  readonly name: string;
  readonly write: ControlMessage;
  readonly read: (message: ControlMessage) => Read<object>;
  readonly value: object;
}

function shape<T extends object>(
  name: string,
  write: (value: T) => ControlMessage,
  read: (message: ControlMessage) => Read<T>,
  value: T,
): Shape {
  return { name, write: write(value), read, value };
}

const none = { name: undefined, subject: undefined, peerHost: undefined, peerPort: undefined };
const shapes: readonly Shape[] = [
  shape("challenge", handshake.writeChallenge, handshake.readChallenge, { version: 1, nonce: bytes(32) }),
  shape("hello", handshake.writeHello, handshake.readHello, hello),
  shape("hello of a resume", handshake.writeHello, handshake.readHello, {
    ...hello,
    token: undefined,
    resume,
  }),
  shape("welcome", handshake.writeWelcome, handshake.readWelcome, welcome),
  shape("refuse", handshake.writeRefuse, handshake.readRefuse, { code: "EACCES", text: "no", retryAfter: 5 }),
  shape("resolve", names.writeResolve, names.readResolve, { id: 1, name: "db.internal", handle: address }),
  shape("resolved", names.writeResolved, names.readResolved, { id: 1, code: undefined, text: undefined }),
  shape("resolved with an error", names.writeResolved, names.readResolved, {
    id: 1,
    code: "EINVAL",
    text: "x",
  }),
  shape("publish", publishing.writePublish, publishing.readPublish, { id: 1, host: "", port: 0, local: 80 }),
  shape("published", publishing.writePublished, publishing.readPublished, {
    id: 1,
    host: "127.0.0.1",
    port: 8080,
    code: undefined,
    text: undefined,
    rule: undefined,
  }),
  shape("published with an error", publishing.writePublished, publishing.readPublished, {
    id: 1,
    host: undefined,
    port: undefined,
    code: "EADDRINUSE",
    text: "in use",
    rule: undefined,
  }),
  shape("unpublish", publishing.writeUnpublish, publishing.readUnpublish, { id: 1 }),
  shape("opened", flow.writeOpened, flow.readOpened, {
    local: 80,
    address,
    port: 9,
    ...none,
    name: "bob",
    subject: "ben",
  }),
  shape("opened with a real peer", flow.writeOpened, flow.readOpened, {
    local: 80,
    address,
    port: 9,
    ...none,
    peerHost: "93.184.216.34",
    peerPort: 443,
  }),
  shape("failed", flow.writeFailed, flow.readFailed, {
    local: 80,
    address,
    port: 9,
    code: "ERR_DENIED",
    text: "no",
    rule: "private",
    retryAfter: 1_000,
  }),
  shape("route", session.writeRoute, session.readRoute, { address, state: "gone" as const }),
  shape("going", session.writeGoing, session.readGoing, { spread: 5_000, alternates: ["wss://b.example/"] }),
  shape("bye", session.writeBye, session.readBye, { code: undefined, text: undefined }),
  shape("bye with a reason", session.writeBye, session.readBye, { code: "ECONNRESET", text: "closing" }),
];

/** Over the wire and back. */
function transported(message: ControlMessage): ControlMessage {
  const frame = encodeControl(40, message);
  const decoded = decodeControl(frame, CONTROL_HEADER, frame.length);
  if (typeof decoded === "string") throw new Error(decoded);
  return decoded;
}

describe.each(shapes)("$name", ({ write, read, value }) => {
  test("comes back as it went, numbered or not, and unknown keys are ignored", () => {
    expect(comparable(read(transported(write)))).toEqual(comparable(value));
    expect(comparable(read(transported({ ...write, n: 7, later: { deep: [1] } })))).toEqual(
      comparable(value),
    );
  });

  test("with any field of another kind is refused with a reason, or read, and never throws", () => {
    const wrong: readonly ControlMessage[string][] = [
      -1,
      0.5,
      2 ** 60,
      Number.NaN,
      "",
      "x".repeat(70_000),
      "a\nb",
      true,
      [],
      {},
      bytes(3),
      bytes(40),
      "::1%eth0",
    ];
    for (const key of Object.keys(write)) {
      for (const other of wrong) {
        const result = read({ ...write, [key]: other });
        if (typeof result === "string") expect(result).toMatch(/^[a-z]+: ".+" is not /);
      }
    }
  });
});

test("no message reader throws for any map, and refusals name the message", () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.integer(), { maxLength: 3 }),
  );
  const keys = [...new Set(shapes.flatMap(({ write }) => Object.keys(write)))];
  const map = fc.dictionary(fc.constantFrom(...keys), value);
  fc.assert(
    fc.property(fc.constantFrom(...shapes), map, ({ write, read }, changes) => {
      for (const message of [changes, { ...write, ...changes }]) {
        const result = read(message as ControlMessage);
        if (typeof result === "string") expect(result.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 3_000 },
  );
});

test("text that goes into a log cannot forge a line of it", () => {
  for (const text of ["a\nb", "a\r", "\u001b[31m", "a\u2028b", "\u202eevil", "\u200b"]) {
    expect(isPrintable(text)).toBe(false);
    expect(isPrintable(printable(text, 100))).toBe(true);
  }
  expect(printable("x".repeat(600), 512)).toHaveLength(512);
});

/** Addresses as text, so that equality looks at what they mean. */
function comparable(value: object | string): unknown {
  return JSON.parse(JSON.stringify(value));
}
