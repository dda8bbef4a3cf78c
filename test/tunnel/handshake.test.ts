// The client's handshake against relays that are scripted: of another version, refusing, silent, broken.
import { describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../src/core/link/clock.ts";
import { type ControlMessage, decodeControl, encodeControl } from "../../src/core/link/control-codec.ts";
import { CONTROL_HEADER } from "../../src/core/link/frames.ts";
import type { Link, LinkHandler } from "../../src/core/link/link.ts";
import { NetError } from "../../src/core/net/index.ts";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { networkAddresses } from "../../src/tunnel/addresses.ts";
import { HandshakeType } from "../../src/tunnel/control-types.ts";
import { type HandshakeResult, shakeHands } from "../../src/tunnel/handshake.ts";
import { writeChallenge, writeWelcome } from "../../src/tunnel/handshake-messages.ts";

/** One end of a link, played by hand. */
class ScriptedLink implements Link {
  readonly framed: boolean;
  readonly buffered = 0;
  readonly description = "ws://relay.test/";
  readonly sent: { readonly type: number; readonly message: ControlMessage }[] = [];
  closedWith: number | undefined;
  private handler: LinkHandler | null = null;

  constructor(framed = true) {
    this.framed = framed;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  send(bytes: Bytes): void {
    this.sent.push({
      type: bytes[1],
      message: decodeControl(bytes, CONTROL_HEADER, bytes.length) as ControlMessage,
    });
  }

  close(code?: number): void {
    this.closedWith ??= code;
  }

  gives(...frames: Bytes[]): void {
    const all = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of frames) {
      all.set(frame, at);
      at += frame.length;
    }
    this.handler?.message(all);
  }

  ends(code: number, reason = "", error?: unknown): void {
    this.handler?.closed({ code, reason, error });
  }
}

const challenge = encodeControl(
  HandshakeType.challenge,
  writeChallenge({ version: 1, nonce: new Uint8Array(32) }),
);
const welcome = encodeControl(
  HandshakeType.welcome,
  writeWelcome({
    session: new Uint8Array(16),
    link: 0,
    generation: 0,
    secret: new Uint8Array(32),
    state: new Uint8Array(8),
    survived: false,
    grace: 300_000,
    network: "example",
    name: "alice",
    subject: "anonymous",
    address: IpAddress.parse("fd00::1") as IpAddress,
    ...networkAddresses("example"),
    routes: { gatewayMtu: 65_535, gatewayChecksum: false, peerMtu: 9_000 },
    limits: { streams: 1, handles: 1, publications: 1, links: 1, message: 131_072 },
    receiveCap: 1 << 20,
  }),
);

function begin(
  link: ScriptedLink,
  options: { timeout?: number; signal?: AbortSignal } = {},
): Promise<HandshakeResult> {
  const attempt = shakeHands(link, {
    token: "a-token",
    name: "alice",
    receiveCap: 1 << 20,
    signal: options.signal ?? new AbortController().signal,
    timeout: options.timeout ?? 10_000,
    clock: systemClock,
    random: systemRandom,
  });
  attempt.catch(() => {});
  return attempt;
}

describe("The client's handshake", () => {
  test("answers the challenge with hello and gives the welcome", async () => {
    const link = new ScriptedLink();
    const attempt = begin(link);
    expect(link.sent).toEqual([]);
    link.gives(challenge);
    expect(link.sent).toMatchObject([{ type: 17, message: { version: 1, token: "a-token", name: "alice" } }]);
    link.gives(welcome);
    const result = await attempt;
    expect(result.welcome.name).toBe("alice");
    expect(link.closedWith).toBeUndefined();
  });

  test("gives what followed the welcome to who takes the link over, and then its end", async () => {
    const link = new ScriptedLink();
    const attempt = begin(link);
    const after = encodeControl(40, { n: 1 });
    link.gives(challenge);
    link.gives(welcome, after);
    link.gives(after, after);
    link.ends(1006, "lost");
    const result = await attempt;
    const seen: unknown[] = [];
    result.link.start({
      message: (bytes) => seen.push(bytes.length),
      drained: () => {},
      closed: ({ code }) => seen.push(`closed ${code}`),
    });
    expect(seen).toEqual([]);
    await Promise.resolve();
    expect(seen).toEqual([after.length, 2 * after.length, "closed 1006"]);
  });

  test("puts frames together that a byte stream has cut", async () => {
    const link = new ScriptedLink(false);
    const attempt = begin(link);
    for (const byte of challenge) link.gives(new Uint8Array([byte]));
    link.gives(welcome.slice(0, 10));
    link.gives(welcome.slice(10));
    expect((await attempt).welcome.name).toBe("alice");
  });

  test.each<[string, (link: ScriptedLink) => void, string, RegExp]>([
    [
      "of a newer version",
      (link) => link.gives(encodeControl(16, { version: 9 })),
      "ERR_VERSION",
      /update the client/,
    ],
    [
      "of an older version",
      (link) => link.gives(encodeControl(16, { version: 0 })),
      "ERR_VERSION",
      /update the relay/,
    ],
    [
      "that sends a web page",
      (link) => link.gives(new TextEncoder().encode("<html>")),
      "EPROTO",
      /no handshake/,
    ],
    [
      "that sends a packet",
      (link) => link.gives(new Uint8Array([0x60, ...new Uint8Array(39)])),
      "EPROTO",
      /packet/,
    ],
    ["that ends inside a frame", (link) => link.gives(challenge.slice(0, 9)), "EPROTO", /inside a frame/],
    ["that welcomes before it challenges", (link) => link.gives(welcome), "EPROTO", /type 18/],
    ["that challenges twice", (link) => link.gives(challenge, challenge), "EPROTO", /type 16/],
    [
      "whose challenge is malformed",
      (link) => link.gives(encodeControl(16, { version: 1 })),
      "EPROTO",
      /nonce/,
    ],
    [
      "whose welcome is malformed",
      (link) => link.gives(challenge, encodeControl(18, {})),
      "EPROTO",
      /session/,
    ],
    ["that sends without end", (link) => link.gives(new Uint8Array(2_000_000)), "EPROTO", /more than/],
    [
      "that refuses",
      (link) => link.gives(challenge, encodeControl(19, { code: "EACCES", text: "the relay wants a token" })),
      "EACCES",
      /wants a token/,
    ],
    ["that closes at once", (link) => link.ends(1000), "ECONNREFUSED", /is it a fourtuple relay/],
    ["that closes for its policy", (link) => link.ends(1008, "no"), "EACCES", /no/],
    ["that is overloaded", (link) => link.ends(1013), "ERR_LIMIT", /1013/],
    [
      "whose link failed with a reason",
      (link) => link.ends(1006, "", new NetError("ETIMEDOUT", "Cannot read: timed out")),
      "ETIMEDOUT",
      /timed out/,
    ],
  ])("with a relay %s fails with one code", async (_name, script, code, text) => {
    const link = new ScriptedLink();
    const attempt = begin(link);
    script(link);
    const error = await attempt.catch((reason: unknown) => reason as NetError);
    expect(error).toMatchObject({ code, op: "connect" });
    expect((error as NetError).message).toMatch(text);
    expect((error as NetError).message).toContain("ws://relay.test/");
    expect(link.closedWith).toBeDefined();
  });

  test("tells when to try again", async () => {
    const link = new ScriptedLink();
    const attempt = begin(link);
    link.gives(challenge, encodeControl(19, { code: "ERR_LIMIT", text: "full", retryAfter: 5_000 }));
    await expect(attempt).rejects.toMatchObject({ code: "ERR_LIMIT", retryAfter: 5_000 });
  });

  test("with a relay that says nothing, or nothing after hello, times out", async () => {
    const silent = begin(new ScriptedLink(), { timeout: 10 });
    await expect(silent).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("no challenge"),
    });
    const link = new ScriptedLink();
    const half = begin(link, { timeout: 10 });
    link.gives(challenge);
    await expect(half).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("did not answer"),
    });
  });

  test("that is aborted rejects with the reason and closes the link", async () => {
    for (const isEarly of [true, false]) {
      const link = new ScriptedLink();
      const controller = new AbortController();
      if (isEarly) controller.abort("enough");
      const attempt = begin(link, { signal: controller.signal });
      controller.abort("enough");
      await expect(attempt).rejects.toBe("enough");
      expect(link.closedWith).toBe(1000);
    }
  });
});
