import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { matchesHost, readTarget } from "../../src/relay/host-name.ts";
import { type Authorize, Policy } from "../../src/relay/policy.ts";
import { admits, admitsListening, admitsPeer, parsePeerRule, parseTcpRule } from "../../src/relay/rules.ts";
import { embeddedIpv4, specialRangesOf } from "../../src/relay/special-ranges.ts";
import { anonymous, TokenTable } from "../../src/relay/tokens.ts";

const ip = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;

describe("A rule", () => {
  test.each([
    // rule, host asked for, address, port, admitted
    ["tcp:example.com:443", "example.com", "93.184.216.34", 443, true],
    ["tcp:example.com:443", "example.com", "93.184.216.34", 80, false],
    ["tcp:example.com:443", "www.example.com", "93.184.216.34", 443, false],
    ["tcp:example.com:443", null, "93.184.216.34", 443, false],
    ["tcp:example.com:443", "example.com", "10.0.0.1", 443, false],
    ["tcp:Example.COM:443", "example.com", "93.184.216.34", 443, true],
    ["tcp:*.example.com:443", "www.example.com", "93.184.216.34", 443, true],
    ["tcp:*.example.com:443", "a.b.example.com", "93.184.216.34", 443, true],
    ["tcp:*.example.com:443", "example.com", "93.184.216.34", 443, false],
    ["tcp:*.example.com:443", "evilexample.com", "93.184.216.34", 443, false],
    ["tcp:*:443", "anything.example", "93.184.216.34", 443, true],
    ["tcp:*:443", "anything.example", "192.168.0.1", 443, false],
    ["tcp:db.internal@10.0.0.0/8:5432", "db.internal", "10.1.2.3", 5432, true],
    ["tcp:db.internal@10.0.0.0/8:5432", "db.internal", "11.1.2.3", 5432, false],
    ["tcp:db.internal@10.0.0.0/8:5432", "other.internal", "10.1.2.3", 5432, false],
    ["tcp:db.internal@0.0.0.0/0:5432", "db.internal", "10.1.2.3", 5432, false],
    ["tcp:localhost@127.0.0.0/8:80", "localhost", "127.0.0.1", 80, true],
    ["tcp:10.0.0.0/8:80", null, "10.1.2.3", 80, true],
    ["tcp:10.0.0.0/8:80", "whatever.example", "10.1.2.3", 80, true],
    ["tcp:10.1.0.0/16:80", null, "10.1.2.3", 80, true],
    ["tcp:0.0.0.0/0:80", null, "10.1.2.3", 80, false],
    ["tcp:0.0.0.0/0:80", null, "93.184.216.34", 80, true],
    ["tcp:127.0.0.1:5432", null, "127.0.0.1", 5432, true],
    ["tcp:127.0.0.1:5432", null, "127.0.0.2", 5432, false],
    ["tcp:169.254.0.0/16:80", null, "169.254.1.1", 80, true],
    ["tcp:169.254.0.0/16:80", null, "169.254.169.254", 80, false],
    ["tcp:169.254.169.254:80", null, "169.254.169.254", 80, true],
    ["tcp:0.0.0.0:80", null, "0.0.0.0", 80, false],
    ["tcp:224.0.0.0/4:80", null, "224.0.0.1", 80, false],
    ["tcp:[fd00::/8]:80", null, "fd00::1", 80, true],
    ["tcp:fd00::/8:80", null, "fd00::1", 80, true],
    ["tcp:[fd00::]/8:80", null, "fd00::1", 80, true],
    ["tcp:[::1]:80", null, "::1", 80, true],
    ["tcp:::1:80", null, "::1", 80, true],
    ["tcp:[::]/0:80", null, "::1", 80, false],
    ["tcp:[::]/0:80", null, "2606:4700::1", 80, true],
    ["tcp:*:80,443,8000-8100", "a.example", "93.184.216.34", 8050, true],
    ["tcp:*:80,443,8000-8100", "a.example", "93.184.216.34", 8101, false],
    ["tcp:*:*", "a.example", "93.184.216.34", 65_535, true],
    ["tcp:*:*", "a.example", "93.184.216.34", 25, false],
    ["tcp:*:25", "a.example", "93.184.216.34", 25, true],
    ["tcp:*:1-65535", "a.example", "93.184.216.34", 587, true],
  ] as const)("%s, asked for %s at %s port %i: %s", (rule, host, address, port, expected) => {
    expect(admits(parseTcpRule(rule), host, ip(address), port)).toBe(expected);
  });

  test.each([
    "",
    "tcp",
    "tcp:",
    "tcp:443",
    "tcp:example.com",
    "tcp:example.com:",
    "tcp:example.com:http",
    "tcp:example.com:0x50",
    "tcp:example.com:70000",
    "tcp:example.com:90-80",
    "tcp:exa mple.com:80",
    "tcp:*example.com:80",
    "tcp:a.*.com:80",
    "tcp:10.0.0.0/33:80",
    "tcp:10.0.0:80",
    "tcp:db.internal@:80",
    "tcp:db.internal@nowhere:80",
    "tcp:fe80::1%eth0:80",
    "udp:example.com:53",
    "peer:bob:80",
  ])("%j is none, and the error says why", (text) => {
    expect(() => parseTcpRule(text)).toThrow(/^Cannot read the rule/);
  });

  test("for peers names them, with a star at the end", () => {
    expect(admitsPeer(parsePeerRule("peer:bob:80"), "bob", 80)).toBe(true);
    expect(admitsPeer(parsePeerRule("peer:bob:80"), "bobby", 80)).toBe(false);
    expect(admitsPeer(parsePeerRule("peer:web-*:80-90"), "web-7", 85)).toBe(true);
    expect(admitsPeer(parsePeerRule("peer:*:25"), "x", 25)).toBe(true);
    for (const text of ["peer:", "peer:a b:80", "peer:*a:80", "tcp:a:80", "peer:a:"]) {
      expect(() => parsePeerRule(text)).toThrow(TypeError);
    }
  });

  test("for publishing is a block that holds the address; all addresses need a block of all", () => {
    const allows = (rule: string, address: string, port: number): boolean =>
      admitsListening(parseTcpRule(rule), ip(address), port);
    expect(allows("tcp:127.0.0.0/8:1024-65535", "127.0.0.1", 8080)).toBe(true);
    expect(allows("tcp:127.0.0.0/8:1024-65535", "127.0.0.1", 80)).toBe(false);
    expect(allows("tcp:127.0.0.0/8:1024-65535", "127.0.0.1", 0)).toBe(true);
    expect(allows("tcp:127.0.0.0/8:80", "127.0.0.1", 0)).toBe(false);
    expect(allows("tcp:127.0.0.0/8:*", "0.0.0.0", 8080)).toBe(false);
    expect(allows("tcp:0.0.0.0/0:8080", "0.0.0.0", 8080)).toBe(true);
    expect(allows("tcp:0.0.0.0/1:8080", "0.0.0.0", 8080)).toBe(false);
    expect(allows("tcp:*:8080", "127.0.0.1", 8080)).toBe(false);
  });
});

describe("Special ranges", () => {
  test("hold at least what the library calls anything but unicast, at both ends of each of its ranges", () => {
    let state = 1;
    const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0);
    const addresses = Array.from({ length: 20_000 }, (_, index) => {
      if (index % 2 === 0) return IpAddress.fromWords(4, 0, 0, 0, random());
      // Dense where the special ranges are.
      const first = [
        0, 0x64ff9b, 0x0100_0000, 0x2001_0000, 0x2002_0000, 0xfc00_0000, 0xfe80_0000, 0xff00_0000,
      ];
      const second = index % 3 === 0 ? 0 : random();
      return IpAddress.fromWords(
        6,
        first[(random() >>> 8) % 8] | (random() & 0xff),
        second,
        random(),
        random(),
      );
    });
    for (const address of addresses) {
      const library = ipaddr.parse(address.toString()).range();
      if (library !== "unicast")
        expect([`${address}`, specialRangesOf(address).length > 0]).toEqual([`${address}`, true]);
    }
  });

  test.each([
    ["8.8.8.8", []],
    ["2606:4700:4700::1111", []],
    ["169.254.169.254", ["link-local", "metadata"]],
    ["::ffff:8.8.8.8", ["ipv4-mapped"]],
    ["fd00:ec2::254", ["unique-local", "metadata"]],
  ])("of %s are %j", (address, names) => {
    expect(specialRangesOf(ip(address)).map(({ name }) => name)).toEqual(names);
  });

  test.each([
    ["64:ff9b::7f00:1", ["127.0.0.1"]],
    ["64:ff9b:1:a00:0:100::", ["10.0.0.1"]],
    ["64:ff9b:1::10.0.0.1", ["10.0.0.1"]],
    ["2002:a00:1::5", ["10.0.0.1"]],
    ["2001:0:a00:1::80ff:fffe", ["10.0.0.1", "127.0.0.1"]],
    ["::10.0.0.1", ["10.0.0.1"]],
    ["::ffff:0:10.0.0.1", ["10.0.0.1"]],
    ["2606:4700::5efe:10.0.0.1", ["10.0.0.1"]],
    ["2606:4700::200:5efe:10.0.0.1", ["10.0.0.1"]],
    ["::1", []],
    ["2606:4700::1", []],
    ["10.0.0.1", []],
  ])("the IPv4 inside %s is %j", (address, inner) => {
    expect(embeddedIpv4(ip(address)).map(String)).toEqual(expect.arrayContaining(inner));
    if (inner.length === 0) expect(embeddedIpv4(ip(address))).toEqual([]);
  });

  test.each([
    ["yes, and nothing else", () => ({ allowed: true }), { allowed: true, rule: "authorize", text: "" }],
    [
      "no, and nothing else",
      () => ({ allowed: false }),
      { allowed: false, text: expect.stringContaining("owner") },
    ],
    [
      "no, with odd reasons",
      () => ({ allowed: false, rule: 7, text: null }),
      { allowed: false, rule: "authorize" },
    ],
    ["nothing", () => undefined, { allowed: false, text: "the relay could not decide" }],
    ["null", () => null, { allowed: false, text: "the relay could not decide" }],
    ["a word", () => "yes", { allowed: false, text: "the relay could not decide" }],
    [
      "a number for an answer",
      () => ({ allowed: 1 }),
      { allowed: false, text: "the relay could not decide" },
    ],
    ["a promise of no", async () => ({ allowed: false }), { allowed: false, rule: "authorize" }],
    [
      "something else with then()",
      // biome-ignore lint/suspicious/noThenProperty: what owners' libraries may give.
      () => ({ then: (take: (answer: unknown) => void) => take({ allowed: true }) }),
      { allowed: true },
    ],
    ["a promise that fails", () => Promise.reject(new Error("gone")), { allowed: false, rule: "authorize" }],
  ])("an owner's hook may answer %s", async (_what, hook, expected) => {
    const policy = new Policy({
      egress: [parseTcpRule("tcp:10.0.0.0/8:80")],
      publish: [],
      peers: [],
      authorize: hook as unknown as Authorize,
      ownAddresses: () => [],
    });
    const action = { kind: "connect", host: null, address: ip("10.0.0.1"), port: 80 } as const;
    expect(await policy.authorize(anonymous, action)).toMatchObject(expected);
  });

  test("a translated address needs a rule for itself and one for what is inside", () => {
    const decide = (...rules: string[]): boolean => {
      const policy = new Policy({
        egress: rules.map(parseTcpRule),
        publish: [],
        peers: [],
        authorize: null,
        ownAddresses: () => [],
      });
      const action = { kind: "connect", host: null, address: ip("64:ff9b::a00:1"), port: 80 } as const;
      const decision = policy.authorize(anonymous, action);
      return !(decision instanceof Promise) && decision.allowed;
    };
    expect(decide("tcp:[64:ff9b::]/96:80")).toBe(false);
    expect(decide("tcp:10.0.0.0/8:80")).toBe(false);
    expect(decide("tcp:[64:ff9b::]/96:80", "tcp:10.0.0.0/8:80")).toBe(true);
  });
});

describe("Targets", () => {
  test.each([
    ["Example.COM.", "example.com"],
    ["_service.example", "_service.example"],
    ["127.1", "127.0.0.1"],
    ["0x7F000001", "127.0.0.1"],
    ["[::1]", "::1"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
  ])("%s is %s", (text, expected) => {
    const target = readTarget(text);
    expect(typeof target === "string" ? target : (target.host ?? `${target.address}`)).toBe(expected);
  });

  test.each([
    "",
    ".",
    "a..b",
    "-a.example",
    "a-.example",
    "münchen.example",
    "a b",
    "1.2.3.4.5",
    "x.08",
    "fe80::1%eth0",
  ])("%j is none", (text) => {
    expect(typeof readTarget(text)).toBe("string");
  });

  test("patterns match names and what is below them", () => {
    expect(matchesHost("*.a.example", "b.a.example")).toBe(true);
    expect(matchesHost("*.a.example", "ba.example")).toBe(false);
    expect(matchesHost("*.a.example", "a.example")).toBe(false);
  });
});

describe("Tokens", () => {
  const table = new TokenTable([
    { token: "the-token-of-ann-1", subject: "ann", allow: ["tcp:a.example:80"], publish: [], names: ["a"] },
    { token: "the-token-of-ben-1", subject: "ben" },
  ]);

  test("are found whole, and bring what their subject may", () => {
    expect(table.find("the-token-of-ann-1")).toMatchObject({ subject: "ann", names: ["a"], publish: [] });
    expect(table.find("the-token-of-ann-1")?.egress).toHaveLength(1);
    expect(table.find("the-token-of-ben-1")).toMatchObject({ subject: "ben", egress: null, names: null });
    for (const token of ["", "the-token-of-ann-", "the-token-of-ann-12", "THE-TOKEN-OF-ANN-1"]) {
      expect(table.find(token)).toBeNull();
    }
  });

  test("cannot be so short that they are guessed", () => {
    expect(() => new TokenTable([{ token: "0123456789abcde", subject: "x" }])).toThrow(/fewer than 16/);
  });
});
