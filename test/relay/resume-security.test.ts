// Those who come back with what is not theirs: refused with a code, counted, and the live session is not touched.
import { describe, expect, test } from "vitest";
import { HandshakeType } from "../../src/tunnel/control-types.ts";
import { readWelcome, type Welcome, writeHello } from "../../src/tunnel/handshake-messages.ts";
import { resumeProof } from "../../src/tunnel/resume-proof.ts";
import { RawClient } from "./raw-client.ts";
import { eachTestbed, type Relay, type Testbed } from "./testbed.ts";

let bed: Testbed;
eachTestbed((fresh) => {
  bed = fresh;
});

interface Attempt {
  readonly attempt?: number;
  readonly generation?: number;
  readonly link?: number;
  readonly via?: number;
  readonly session?: Uint8Array<ArrayBuffer>;
  readonly token?: string;
  /** Instead of the right ones. */
  readonly secret?: Uint8Array;
  readonly nonce?: Uint8Array;
}

/** Comes back with the ticket of `welcome`, changed where the attempt says so. */
async function comeBack(
  relay: Relay,
  welcome: Welcome,
  change: Attempt = {},
): Promise<{
  client: RawClient;
  answer: { readonly type: number; readonly message: Record<string, unknown> };
}> {
  const client = await RawClient.open(relay.url);
  bed.onClose(() => client.close());
  const { nonce } = await client.control(HandshakeType.challenge);
  const mine = new Uint8Array(32).fill(9);
  const claim = {
    session: change.session ?? welcome.session,
    state: welcome.state,
    link: change.link ?? welcome.link,
    via: change.via ?? change.link ?? welcome.link,
    generation: change.generation ?? welcome.generation,
    attempt: change.attempt ?? 1,
  };
  const relayNonce = change.nonce ?? (nonce as Uint8Array);
  const proof = resumeProof(change.secret ?? welcome.secret, { relay: relayNonce, client: mine }, claim);
  client.sendControl(
    HandshakeType.hello,
    writeHello({
      version: 1,
      nonce: mine,
      token: change.token,
      name: welcome.name,
      receiveCap: undefined,
      resume: { ...claim, proof },
    }),
  );
  const types = [HandshakeType.welcome, HandshakeType.refuse] as const;
  for (;;) {
    for (const type of types) {
      if (!client.controls.some((control) => control.type === type)) continue;
      return { client, answer: { type, message: (await client.control(type)) as Record<string, unknown> } };
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function welcomed(answer: { readonly type: number; readonly message: Record<string, unknown> }): Welcome {
  const welcome = readWelcome(answer.message as never);
  if (answer.type !== HandshakeType.welcome || typeof welcome === "string") {
    throw new Error(`Refused: ${JSON.stringify(answer.message)}`);
  }
  return welcome;
}

async function enter(options: Parameters<Testbed["relay"]>[0] = {}, token?: string) {
  const relay = await bed.relay(options);
  const { client, welcome } = await RawClient.enter(relay.url, "raw", token);
  bed.onClose(() => client.close());
  return { relay, client, welcome };
}

describe("A resume", () => {
  test("gives a new secret, and replaces the link that is there", async () => {
    const { relay, client, welcome } = await enter();
    const { answer } = await comeBack(relay, welcome);
    const next = welcomed(answer);
    expect(next.generation).toBeGreaterThan(welcome.generation);
    expect(next.secret).not.toEqual(welcome.secret);
    expect([next.session, next.state, next.survived]).toEqual([welcome.session, welcome.state, true]);
    expect(await client.closed()).toBe(4010);
    expect(relay.sessions).toMatchObject([{ name: "raw", links: 1 }]);
    expect(relay.counters).toMatchObject({ linksResumed: 1, sessionsDetached: 0 });
  });

  test("with the ticket before the newest counts until the newest was shown", async () => {
    const { relay, welcome } = await enter();
    const second = welcomed((await comeBack(relay, welcome, { attempt: 1 })).answer);
    const third = welcomed((await comeBack(relay, welcome, { attempt: 2 })).answer);
    welcomed((await comeBack(relay, third, { attempt: 3 })).answer);
    for (const old of [welcome, second]) {
      const { answer } = await comeBack(relay, old, { attempt: 9 });
      expect(answer.message).toMatchObject({ code: "ESTALE" });
    }
    expect(relay.counters.handshakeResumeStale).toBe(2);
    expect(relay.sessions).toMatchObject([{ links: 1 }]);
  });

  test("of an attempt that is not higher is refused, and the live link stays", async () => {
    const { relay, welcome } = await enter();
    const { client, answer } = await comeBack(relay, welcome, { attempt: 5 });
    const next = welcomed(answer);
    for (const attempt of [5, 4, 0]) {
      expect((await comeBack(relay, next, { attempt })).answer.message).toMatchObject({ code: "ESTALE" });
    }
    expect(client.closeCode).toBeNull();
  });

  test.each<[string, Attempt]>([
    ["a wrong secret", { secret: new Uint8Array(32) }],
    ["a proof over another nonce: a replay", { nonce: new Uint8Array(32).fill(3) }],
    ["the secret of another generation", { generation: 5 }],
    ["the secret of another link", { link: 1 }],
  ])("with %s is refused, counted, and touches nothing", async (_what, change) => {
    const { relay, client, welcome } = await enter();
    const { answer } = await comeBack(relay, welcome, change);
    expect(answer).toMatchObject({ type: HandshakeType.refuse, message: { code: "EACCES" } });
    expect(relay.counters).toMatchObject({ handshakeResumeRefused: 1, linksResumed: 0 });
    expect(client.closeCode).toBeNull();
    expect(relay.sessions).toMatchObject([{ name: "raw", links: 1 }]);
    welcomed((await comeBack(relay, welcome)).answer);
  });

  test("of another's session with an own ticket is refused", async () => {
    const { relay, welcome } = await enter();
    const { client, welcome: other } = await RawClient.enter(relay.url, "other");
    bed.onClose(() => client.close());
    const { answer } = await comeBack(relay, welcome, { session: other.session });
    expect(answer.message).toMatchObject({ code: "EACCES" });
    expect(client.closeCode).toBeNull();
  });

  test("asks for the token again: another subject's, or none, is refused", async () => {
    const tokens = [
      { token: "the-token-of-ann-1", subject: "ann" },
      { token: "the-token-of-ben-1", subject: "ben" },
    ];
    const { relay, client, welcome } = await enter({ tokens }, tokens[0].token);
    for (const token of [tokens[1].token, undefined]) {
      const { answer } = await comeBack(relay, welcome, token === undefined ? {} : { token });
      expect(answer.message).toMatchObject({ code: "EACCES" });
    }
    expect(relay.counters.handshakeUnauthorized).toBe(2);
    expect(client.closeCode).toBeNull();
    welcomed((await comeBack(relay, welcome, { token: tokens[0].token })).answer);
  });

  test("of a new link is proved by another's secret, and fences nobody", async () => {
    const { relay, client, welcome } = await enter();
    const added = await comeBack(relay, welcome, { link: 3, via: 0 });
    const next = welcomed(added.answer);
    expect([next.link, next.survived]).toEqual([3, true]);
    expect(client.closeCode).toBeNull();
    expect(relay.sessions).toMatchObject([{ links: 2 }]);
    // Each has its own tickets from here on.
    welcomed((await comeBack(relay, next, { attempt: 2 })).answer);
    expect(await added.client.closed()).toBe(4010);
    expect(client.closeCode).toBeNull();
    const many = await comeBack(relay, welcome, { link: 8, via: 0 });
    expect(many.answer.message).toMatchObject({ code: "ERR_LIMIT" });
  });

  test("that is refused again and again is told to wait before anything is computed", async () => {
    const { relay, welcome } = await enter({
      limits: { resumeFailuresPerMinute: 3, failuresPerMinute: 1_000 },
    });
    for (let count = 0; count < 3; count++) {
      const { answer } = await comeBack(relay, welcome, { secret: new Uint8Array(32) });
      expect(answer.message).toMatchObject({ code: "EACCES" });
    }
    const { answer } = await comeBack(relay, welcome, { secret: new Uint8Array(32) });
    expect(answer.message).toMatchObject({ code: "ERR_LIMIT", retryAfter: 5_000 });
    expect(relay.counters.handshakeResumeRefused).toBe(3);
  });

  test("puts no secret, proof or token into the log", async () => {
    const lines: string[] = [];
    const token = "a-token-of-some-length";
    const { relay, welcome } = await enter(
      { tokens: [{ token, subject: "ann" }], log: (...line) => lines.push(JSON.stringify(line)) },
      token,
    );
    await comeBack(relay, welcome, { token });
    await comeBack(relay, welcome, { token, secret: new Uint8Array(32), attempt: 2 });
    const secret = Buffer.from(welcome.secret);
    expect(lines.length).toBeGreaterThan(2);
    for (const text of [token, secret.toString("hex"), secret.toString("base64"), [...secret].join(",")]) {
      expect(lines.join("\n")).not.toContain(text);
    }
  });
});
