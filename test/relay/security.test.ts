// The security table: what an attacker tries at a live relay, each with one coded error at whoever tried it and a
// counter at the relay; and after all of it the relay still serves.
import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { systemClock } from "../../src/core/link/clock.ts";
import { encodeControl } from "../../src/core/link/control-codec.ts";
import { memoryLinkPair } from "../../src/core/link/memory-link.ts";
import { NetError } from "../../src/core/net/index.ts";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { writeTcpChecksum } from "../../src/core/wire/ip-header.ts";
import type { RelayCounters } from "../../src/relay/counters.ts";
import { HandshakeType, SessionType } from "../../src/tunnel/control-types.ts";
import { writeResolve } from "../../src/tunnel/name-messages.ts";
import { RawClient } from "./raw-client.ts";
import { RelayCore, Testbed, Tunnel, until, utf8 } from "./testbed.ts";

let bed: Testbed;
beforeEach(() => {
  bed = new Testbed();
});
afterEach(() => bed.close());

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("It succeeded"),
    (reason: unknown) => reason,
  );
  if (!NetError.is(error)) throw error;
  expect(error.message).toMatch(/^[A-Z].*[^.]$/s);
  return error.code;
}

describe("Egress", () => {
  // One address of every special range, in every notation that a resolver or a packet takes.
  const forbidden = [
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "2130706433",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "0xa.0.0.1",
    "012.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:0:7F00:1",
    "0:0:0:0:0:ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:5ef5:79fb:0:59ad:80ff:fffe",
    "2001:2::1",
    "2001:db8::1",
    "2001:10::1",
    "2001:20::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fdff:ffff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2620:4f:8000::1",
    "2606:4700::5efe:10.0.0.1",
  ];

  test("a relay that allows all hosts admits no special range in any notation", async () => {
    const dialled: string[] = [];
    const { relay, tunnel } = await relayWith({
      allow: ["tcp:*:*", "tcp:0.0.0.0/0:*", "tcp:[::]/0:*"],
      onDial: (address) => dialled.push(address),
    });
    for (const address of forbidden) {
      const host = address.includes(":") ? `[${address}]` : address;
      expect([address, await codeOf(tunnel.connect(`${host}:80`))]).toEqual([address, "ERR_DENIED"]);
    }
    expect(dialled).toEqual([]);
    expect(relay.counters.dialsDenied).toBe(forbidden.length);
  });

  test("names that a resolver would take for addresses are addresses", async () => {
    const { tunnel } = await relayWith({
      allow: ["tcp:*:*"],
      resolve: async (host) => Promise.reject(new Error(`Looked up ${host}`)),
    });
    for (const host of ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1."]) {
      expect([host, await codeOf(tunnel.connect(`${host}:80`))]).toEqual([host, "ERR_DENIED"]);
    }
    for (const host of ["1.2.3.4.5", "host.0x7f", "09.1", "a..b"]) {
      expect([host, await codeOf(tunnel.connect(`${host}:80`))]).toEqual([host, "EINVAL"]);
    }
  });

  test("every address that a name has is checked, and only those that passed are dialled", async () => {
    const dialled: string[] = [];
    const { tunnel } = await relayWith({
      allow: ["tcp:mixed.example:80", "tcp:inside.example@10.0.0.0/8:80"],
      onDial: (address) => dialled.push(address),
      resolve: async (host) =>
        host === "inside.example" ? ["10.1.2.3"] : ["127.0.0.1", "::1", "::ffff:10.0.0.1", "169.254.169.254"],
    });
    expect(await codeOf(tunnel.connect("mixed.example:80"))).toBe("ERR_DENIED");
    expect(dialled).toEqual([]);
    expect(await codeOf(tunnel.connect("inside.example:80"))).toBe("ECONNREFUSED");
    expect(dialled).toEqual(["10.1.2.3"]);
  });

  test("a rebinding resolver gains nothing: the address that was checked is the one that is dialled", async () => {
    const dialled: string[] = [];
    let asked = 0;
    const { tunnel } = await relayWith({
      allow: ["tcp:rebind.example:80"],
      onDial: (address) => dialled.push(address),
      resolve: async () => (asked++ % 2 === 0 ? ["93.184.216.34"] : ["127.0.0.1"]),
    });
    expect(await codeOf(tunnel.connect("rebind.example:80"))).toBe("ECONNREFUSED");
    expect(await codeOf(tunnel.connect("rebind.example:80"))).toBe("ERR_DENIED");
    expect(dialled).toEqual(["93.184.216.34"]);
    expect(asked).toBe(2);
  });

  test("a name that no rule can admit is not looked up", async () => {
    const { relay, tunnel } = await relayWith({
      allow: ["tcp:db.example:5432"],
      resolve: async (host) => Promise.reject(new Error(`Looked up ${host}`)),
    });
    expect(await codeOf(tunnel.connect("other.example:5432"))).toBe("ERR_DENIED");
    expect(await codeOf(tunnel.connect("db.example:5433"))).toBe("ERR_DENIED");
    expect(relay.counters.dialsDenied).toBe(2);
  });

  test("the error names the rule, and the relay's own port and mail ports need rules that name them", async () => {
    const { tunnel } = await relayWith({ allow: ["tcp:*:*", "tcp:127.0.0.0/8:*"] });
    const error = await tunnel.connect("10.0.0.1:80").catch((reason: unknown) => reason as NetError);
    expect(error).toMatchObject({ code: "ERR_DENIED", rule: "private" });
    expect(await codeOf(tunnel.connect("127.0.0.1:25"))).toBe("ERR_DENIED");
    expect(await codeOf(tunnel.connect("127.0.0.1:587"))).toBe("ERR_DENIED");
  });

  test("an address of the relay's machine needs a rule for this very address", async () => {
    const dialled: string[] = [];
    const onDial = (address: string): number => dialled.push(address);
    const wide = await relayWith({ allow: ["tcp:*:*", "tcp:0.0.0.0/0:*"], onDial, own: ["93.184.216.34"] });
    expect(await codeOf(wide.tunnel.connect("93.184.216.34:80"))).toBe("ERR_DENIED");
    const exact = await relayWith({ allow: ["tcp:93.184.216.34:80"], onDial, own: ["93.184.216.34"] });
    expect(await codeOf(exact.tunnel.connect("93.184.216.34:80"))).toBe("ECONNREFUSED");
    expect(dialled).toEqual(["93.184.216.34"]);
  });
});

describe("Who may enter", () => {
  const token = "a-token-of-some-length";

  test("no token, a wrong token, the right one", async () => {
    const relay = await bed.relay({ tokens: [{ token, subject: "ann" }] });
    await expect(Tunnel.open(relay.url)).rejects.toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("wants a token"),
    });
    expect(await codeOf(Tunnel.open(relay.url, { token: `${token}x` }))).toBe("EACCES");
    expect(await codeOf(Tunnel.open(relay.url, { token: "" }))).toBe("EACCES");
    expect(relay.counters.handshakeUnauthorized).toBe(3);
    expect((await bed.tunnel(relay, { token })).info().subject).toBe("ann");
  });

  test("a public bind without authentication is refused, and a short token too", async () => {
    expect(await codeOf(bed.relay().then(() => bedRelayAt("0.0.0.0:0")))).toBe("EACCES");
    await expect(bed.relay({ tokens: [{ token: "short", subject: "x" }] })).rejects.toThrow(TypeError);
  });

  test("many failures from one address are told to wait", async () => {
    const relay = await bed.relay({ tokens: [{ token, subject: "ann" }], limits: { failuresPerMinute: 3 } });
    for (let i = 0; i < 3; i++) expect(await codeOf(Tunnel.open(relay.url))).toBe("EACCES");
    expect(await codeOf(Tunnel.open(relay.url))).toBe("ERR_LIMIT");
    expect(relay.counters.linksRefusedLimit).toBe(1);
  });

  test.each([
    ["no origin: a program", undefined, 101],
    ["the same host", "same", 101],
    ["null", "null", 403],
    ["another host", "http://evil.example", 403],
    ["the same name at another port", "http://127.0.0.1:1", 403],
    ["a host that begins alike", "http://127.0.0.1.evil.example", 403],
    ["a host in the user part", "http://127.0.0.1@evil.example", 403],
    ["an extension", "chrome-extension://abcdef", 403],
    ["one that a rule allows", "https://app.example", 101],
  ] as const)("Origin: %s", async (_name, origin, status) => {
    const relay = await bed.relay({ origins: ["https://app.example"] });
    const port = relay.addr?.port ?? 0;
    const value = origin === "same" ? `http://127.0.0.1:${port}` : origin;
    expect(await upgradeStatus(port, { host: `127.0.0.1:${port}`, origin: value })).toBe(status);
    expect(relay.counters.linksRefusedOrigin).toBe(status === 101 ? 0 : 1);
  });

  test.each([
    ["127.0.0.1", 101],
    ["localhost", 101],
    ["[::1]", 101],
    ["app.localhost", 101],
    ["relay.example", 101],
    ["evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.evil.example", 403],
    ["10.0.0.1", 403],
    ["", 400],
  ] as const)("Host on loopback: %s", async (host, status) => {
    const relay = await bed.relay({ hosts: ["relay.example"] });
    const port = relay.addr?.port ?? 0;
    expect(await upgradeStatus(port, { host: host === "" ? host : `${host}:${port}` })).toBe(
      status === 400 ? 403 : status,
    );
    expect(relay.counters.linksRefusedHost).toBe(status === 101 ? 0 : 1);
  });

  test("a page whose name was rebound to loopback is stopped by its Host", async () => {
    const relay = await bed.relay();
    const port = relay.addr?.port ?? 0;
    const host = `evil.example:${port}`;
    expect(await upgradeStatus(port, { host, origin: `http://${host}` })).toBe(403);
  });

  test("a stalled handshake ends at its time, and one WebSocket too many is refused", async () => {
    const relay = await bed.relay({ limits: { handshakeTime: 50, handshakes: 1 } });
    const stalled = await RawClient.open(relay.url);
    expect(await codeOf(Tunnel.open(relay.url))).toBe("ERR_LIMIT");
    await stalled.control(HandshakeType.challenge);
    expect(await stalled.control(HandshakeType.refuse)).toMatchObject({ code: "ETIMEDOUT" });
    await stalled.closed();
    expect(relay.counters.handshakeTimeouts).toBe(1);
    expect(relay.counters.linksRefusedLimit).toBe(1);
    expect(relay.counters.handshakes).toBe(0);
  });

  test("a client of another version is told, and so is the relay's", async () => {
    const relay = await bed.relay();
    const client = await RawClient.open(relay.url);
    client.hello({ version: 2 });
    expect(await client.control(HandshakeType.refuse)).toMatchObject({ code: "ERR_VERSION" });
    await client.closed();
    expect(relay.counters.handshakeVersion).toBe(1);
  });

  test("a session to resume that is not there is refused", async () => {
    const relay = await bed.relay();
    const client = await RawClient.open(relay.url);
    client.sendControl(HandshakeType.hello, {
      version: 1,
      nonce: new Uint8Array(32),
      session: new Uint8Array(16),
      state: new Uint8Array(8),
      link: 0,
      generation: 0,
      attempt: 1,
      proof: new Uint8Array(32),
    });
    expect(await client.control(HandshakeType.refuse)).toMatchObject({ code: "ERR_SESSION_EXPIRED" });
    expect(relay.counters.handshakeResumeRefused).toBe(1);
    await client.closed();
  });

  test("a hello that is too long, no map, the wrong frame, a packet, or came twice", async () => {
    const relay = await bed.relay();
    const attempts: readonly ((client: RawClient) => void)[] = [
      (client) => client.send(new Uint8Array(20_000)),
      (client) => client.send(new Uint8Array([0, 17, 0, 1, 0xc0])),
      (client) => client.send(new Uint8Array([0xff, 1, 2, 3])),
      (client) => client.send(new Uint8Array([0x60, 0, 0, 0, 0, 0, 6, 64, ...new Uint8Array(32)])),
      (client) => client.sendControl(18, {}),
      (client) => client.sendControl(HandshakeType.hello, { version: 1 }),
      (client) => client.sendControl(HandshakeType.hello, { version: "1", nonce: new Uint8Array(32) }),
      (client) => client.send(encodeControl(17, { version: 1, nonce: new Uint8Array(31) })),
    ];
    for (const attempt of attempts) {
      const client = await RawClient.open(relay.url);
      attempt(client);
      expect(await client.control(HandshakeType.refuse)).toMatchObject({ code: "EPROTO" });
      expect(await client.closed()).toBe(4002);
    }
    expect(relay.counters.handshakeMalformed).toBe(attempts.length);
  });

  test("a message that is too big and a text message end the link with a code", async () => {
    const relay = await bed.relay();
    const big = await RawClient.open(relay.url);
    big.send(new Uint8Array(200_000));
    expect(await big.closed()).toBe(1009);
    const text = await RawClient.open(relay.url);
    text.socket.send("hello");
    expect(await text.closed()).toBe(4002);
    await until(
      "both are counted",
      () => relay.counters.handshakeMalformed + relay.counters.handshakeLost === 2,
    );
  });
});

describe("Names", () => {
  test("a name belongs to its subject: another is refused, the same takes over", async () => {
    const tokens = [
      { token: "the-token-of-ann-1", subject: "ann" },
      { token: "the-token-of-ben-1", subject: "ben" },
    ];
    const relay = await bed.relay({ tokens });
    const first = await bed.tunnel(relay, { token: tokens[0].token, name: "web" });
    const stolen = Tunnel.open(relay.url, { token: tokens[1].token, name: "web" });
    expect(await codeOf(stolen)).toBe("EADDRINUSE");
    expect(first.state.phase).toBe("open");
    const second = await bed.tunnel(relay, { token: tokens[0].token, name: "web" });
    expect(second.address).toBe(first.address);
    await expect(first.closed).rejects.toMatchObject({ code: "ERR_NAME_TAKEN" });
    expect(relay.counters).toMatchObject({ handshakeNameRefused: 1, sessionsTakenOver: 1, sessions: 1 });
  });

  test("a subject takes only names that it may", async () => {
    const token = "a-token-of-some-length";
    const relay = await bed.relay({ tokens: [{ token, subject: "ci", names: ["ci-*", "web"] }] });
    await bed.tunnel(relay, { token, name: "ci-7" });
    expect(await codeOf(Tunnel.open(relay.url, { token, name: "db" }))).toBe("ERR_DENIED");
    const raw = await RawClient.open(relay.url);
    raw.hello({ name: "No Name", token });
    expect(await raw.control(HandshakeType.refuse)).toMatchObject({ code: "EINVAL" });
    await raw.closed();
    expect(relay.counters.handshakeNameRefused).toBe(2);
  });
});

describe("On a session's link", () => {
  async function enter(name = "raw"): Promise<{
    relay: Awaited<ReturnType<Testbed["relay"]>>;
    client: RawClient;
    address: IpAddress;
    gateway: IpAddress;
  }> {
    const relay = await bed.relay({ allow: ["tcp:127.0.0.1:*"] });
    const { client, welcome } = await RawClient.enter(relay.url, name);
    bed.onClose(() => client.close());
    return { relay, client, address: welcome.address, gateway: welcome.gateway };
  }

  test("packets with another source, of IPv4, or for nobody are dropped and counted", async () => {
    const { relay, client, address, gateway } = await enter();
    client.send(syn(IpAddress.parse("fd00::1") as IpAddress, gateway));
    client.send(syn(gateway, address));
    const ipv4 = new Uint8Array(40);
    ipv4.set([0x45, 0, 0, 40]);
    client.send(ipv4);
    await until(
      "they are counted",
      () => relay.counters.packetsSpoofed === 2 && relay.counters.packetsForeign === 1,
    );
    expect(relay.counters.dials).toBe(0);
  });

  test("a ping to a peer asks the policy as a connection to port 7 would; other ICMPv6 asks nothing", async () => {
    for (const [rule, passes] of [
      ["peer:*:7", true],
      ["peer:*:8-65535", false],
    ] as const) {
      const relay = await bed.relay({ peers: [rule] });
      const { client, welcome } = await RawClient.enter(relay.url, "from");
      const { client: peer, welcome: to } = await RawClient.enter(relay.url, "to");
      for (const each of [client, peer]) bed.onClose(() => each.close());
      const unreachable = 1;
      const [echoRequest, echoReply] = [128, 129];
      client.send(icmpv6(welcome.address, to.address, unreachable));
      client.send(icmpv6(welcome.address, to.address, echoRequest));
      await until("both were judged", () => relay.counters.peerDenied + relay.counters.peerPackets === 2);
      expect([rule, relay.counters.peerDenied]).toEqual([rule, passes ? 1 : 2]);
      if (!passes) continue;
      expect((await peer.packet())[40]).toBe(echoRequest);
      peer.send(icmpv6(to.address, welcome.address, echoReply));
      expect((await client.packet())[40]).toBe(echoReply);
    }
  });

  test("the gateway itself, an unbound handle and a peer that is not there refuse", async () => {
    const { relay, client, address, gateway } = await enter();
    client.send(syn(address, gateway));
    expect(await client.control(SessionType.failed)).toMatchObject({ n: 1, code: "ECONNREFUSED", port: 80 });
    const handle = IpAddress.fromWords(6, gateway.w0, (gateway.w1 & ~0xffff) | 2, 0, 9);
    client.send(syn(address, handle));
    expect(await client.control(SessionType.failed)).toMatchObject({ n: 2, code: "ENOTFOUND" });
    client.send(syn(address, IpAddress.fromWords(6, address.w0, address.w1, 1, 2)));
    expect(await client.control(SessionType.failed)).toMatchObject({ n: 3, code: "EHOSTUNREACH" });
    expect(relay.counters).toMatchObject({ dialsFailed: 2, peerUnknown: 1 });
  });

  test("who dials an address is told nothing of it, who dials a name learns its address", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({ allow: [`tcp:127.0.0.1:${port}`] });
    const { client, welcome } = await RawClient.enter(relay.url, "raw");
    bed.onClose(() => client.close());
    const { address, handles, ipv4 } = welcome;
    client.send(syn(address, ipv4.embedIpv4(IpAddress.parse("127.0.0.1") as IpAddress), port));
    await client.packet();
    expect(client.controls.filter(({ type }) => type === SessionType.opened)).toEqual([]);
    const handle = `${handles.address}1`;
    client.sendControl(SessionType.resolve, { n: 1, id: 1, name: "127.1", handle });
    client.send(syn(address, IpAddress.parse(handle) as IpAddress, port));
    expect(await client.control(SessionType.opened)).toEqual({
      n: 2,
      local: 12_345,
      address: handle,
      port,
      peerHost: "127.0.0.1",
      peerPort: port,
    });
  });

  test.each<[string, (client: RawClient) => void, keyof RelayCounters]>([
    [
      "out of order",
      (client) => client.sendControl(SessionType.unpublish, { n: 2, id: 1 }),
      "protocolErrors",
    ],
    ["without a number", (client) => client.sendControl(SessionType.unpublish, { id: 1 }), "protocolErrors"],
    ["with a number that is none", (client) => client.sendControl(32, { n: -1 }), "protocolErrors"],
    ["malformed", (client) => client.sendControl(SessionType.publish, { n: 1, id: "x" }), "controlMalformed"],
    [
      "with an extension type",
      (client) => client.send(new Uint8Array([0, 36, 0, 5, 0x81, 0xa1, 0x6e, 0xd4, 1])),
      "protocolErrors",
    ],
    [
      "acknowledged and never sent",
      (client) => client.sendControl(3, { bytes: 0, control: 5 }),
      "protocolErrors",
    ],
    ["of bytes never sent", (client) => client.sendControl(3, { bytes: 99_999 }), "protocolErrors"],
  ])("control %s ends the session", async (_name, attack, counter) => {
    const { relay, client } = await enter();
    attack(client);
    expect(await client.closed()).toBe(4002);
    expect(relay.counters[counter]).toBeGreaterThanOrEqual(1);
    expect(relay.counters.sessions).toBe(0);
  });

  test("control sent twice is applied once; unknown types and keys are ignored", async () => {
    const { relay, client, gateway } = await enter();
    const handle = IpAddress.fromWords(6, gateway.w0, (gateway.w1 & ~0xffff) | 2, 0, 1);
    const resolve = {
      n: 1,
      ...writeResolve({ id: 7, name: "127.0.0.1", handle }),
      surprise: [1, { two: 2 }],
    };
    client.sendControl(SessionType.resolve, resolve);
    client.sendControl(SessionType.resolve, resolve);
    client.sendControl(99, { n: 2 });
    client.sendControl(SessionType.unpublish, { n: 3, id: 4 });
    client.sendControl(30, {});
    expect(await client.control(SessionType.resolved)).toMatchObject({ n: 1, id: 7 });
    await until("all is applied", () => relay.counters.controlUnknown === 2);
    expect(relay.sessions).toHaveLength(1);
    expect(client.controls.filter(({ type }) => type === SessionType.resolved)).toHaveLength(0);
  });

  test("bad names and handles are told in resolved, and again when they are dialled", async () => {
    const { client, address, gateway } = await enter();
    const handle = IpAddress.fromWords(6, gateway.w0, (gateway.w1 & ~0xffff) | 2, 0, 1);
    client.sendControl(SessionType.resolve, { n: 1, ...writeResolve({ id: 1, name: "a..b", handle }) });
    expect(await client.control(SessionType.resolved)).toMatchObject({ id: 1, code: "EINVAL" });
    client.send(syn(address, handle));
    expect(await client.control(SessionType.failed)).toMatchObject({ code: "EINVAL" });
    client.sendControl(SessionType.resolve, {
      n: 2,
      ...writeResolve({ id: 2, name: "a.b", handle: gateway }),
    });
    expect(await client.control(SessionType.resolved)).toMatchObject({ id: 2, code: "EINVAL" });
  });

  test("a relay that is fed random bytes stays up and serves others", async () => {
    const port = await bed.echo();
    const relay = await bed.relay({
      allow: [`tcp:127.0.0.1:${port}`],
      limits: { failuresPerMinute: 100_000, handshakesPerAddress: 1_000 },
    });
    const good = await bed.tunnel(relay, { name: "good" });
    let state = 0x2545f491;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 200; round++) {
      const isInside = round % 2 === 1;
      const client = isInside
        ? (await RawClient.enter(relay.url, `fuzz-${round}`)).client
        : await RawClient.open(relay.url);
      for (let message = 0; message < 5; message++) {
        const bytes = new Uint8Array(random(300));
        for (let at = 0; at < bytes.length; at++) bytes[at] = random(256);
        // Half of them begin like a frame, so that more than the first byte is looked at.
        if (random(2) === 0 && bytes.length > 4) {
          bytes.set(random(2) === 0 ? [0, random(48), 0, bytes.length - 4] : [0x60, 0, 0, 0]);
        }
        client.send(bytes);
      }
      await Promise.race([client.closed(), new Promise((resolve) => setTimeout(resolve, 5))]);
      await client.close();
    }
    const stream = await good.connect(`127.0.0.1:${port}`);
    await stream.writeAll(utf8.encode("still here"));
    await stream.closeWrite();
    expect(utf8.decode(await stream.readToEnd())).toBe("still here");
    await until(
      "the others are gone",
      () => relay.counters.sessions === 1 && relay.counters.handshakes === 0,
    );
    expect(relay.counters.protocolErrors).toBeGreaterThan(0);
    expect(relay.counters.handshakeMalformed).toBeGreaterThan(0);
  });
});

/** A SYN without options. */
function syn(source: IpAddress, destination: IpAddress, port: number = 80): Uint8Array {
  const packet = new Uint8Array(60);
  packet.set([0x60, 0, 0, 0, 0, 20, 6, 64]);
  source.writeTo(packet, 8);
  destination.writeTo(packet, 24);
  packet.set([0x30, 0x39, port >>> 8, port & 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff], 40);
  writeTcpChecksum(packet, 0, 60);
  return packet;
}

function icmpv6(source: IpAddress, destination: IpAddress, type: number): Uint8Array {
  const packet = new Uint8Array(48);
  packet.set([0x60, 0, 0, 0, 0, 8, 58, 64]);
  source.writeTo(packet, 8);
  destination.writeTo(packet, 24);
  packet[40] = type;
  return packet;
}

async function bedRelayAt(addr: string): Promise<void> {
  const { Relay } = await import("./testbed.ts");
  await Relay.serve(addr);
}

/** The status line's code for a request that wants to become a WebSocket. */
function upgradeStatus(
  port: number,
  headers: { readonly host: string; readonly origin?: string | undefined },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      const origin = headers.origin === undefined ? "" : `Origin: ${headers.origin}\r\n`;
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${headers.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${origin}\r\n`,
      );
    });
    socket.once("data", (data) => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(data.toString("latin1"))?.[1]));
    });
    socket.once("error", reject);
  });
}

interface Behind {
  readonly allow: readonly string[];
  readonly onDial?: (address: string) => void;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly own?: readonly string[];
}

/** A relay over memory links, whose real network refuses everything and tells what was dialled. */
async function relayWith(behind: Behind): Promise<{ relay: RelayCore; tunnel: Tunnel }> {
  const relay = new RelayCore(
    { allow: behind.allow },
    {
      network: {
        ...nodeNetwork,
        connect: async (addr) => {
          behind.onDial?.((addr as { hostname: string }).hostname);
          throw new NetError("ECONNREFUSED", "Cannot connect: nothing is there");
        },
      },
      resolver: { resolve: behind.resolve ?? (async () => []) },
      ownAddresses: () => behind.own ?? [],
    },
  );
  const tunnel = await Tunnel.open({
    description: "memory",
    async dial() {
      const [near, far] = memoryLinkPair(systemClock);
      relay.accept(far, "memory");
      return near;
    },
  });
  bed.onClose(async () => {
    await tunnel.close();
    relay.end();
  });
  return { relay, tunnel };
}
