import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryLinkPair } from "../../../src/core/link/index.ts";
import { captureLink, PcapngWriter, SimClock, tapLink, traceLink } from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { Packet, parsePacket } from "../../../src/core/wire/packet.ts";
import { Host, pattern, readAll } from "../link/hosts.ts";

/** A short conversation over a link that `wrap` looks at, from end to end. */
function converse(wrap: (link: ReturnType<typeof memoryLinkPair>[0], clock: SimClock) => typeof link): void {
  const clock = new SimClock();
  const a = new Host("fd00::1", { clock, route: { reliable: false, mtu: 1_500 } });
  const b = new Host("fd00::2", { clock, route: { reliable: false, mtu: 1_500 } });
  const [linkA, linkB] = memoryLinkPair(clock);
  a.attach(wrap(linkA, clock));
  b.attach(linkB);
  const listener = b.driver.listen({ address: null, port: 7_000 });
  const dialled = a.driver.dial({ remote: b.ip, remotePort: 7_000 });
  clock.run(50_000);
  const accepted = listener.accept();
  dialled.send(pattern(0, 3_000));
  clock.run(100_000);
  if (accepted === undefined) throw new Error("not accepted");
  readAll(accepted);
  dialled.close();
  accepted.close();
  clock.run(1_000_000);
}

interface Block {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Takes a pcapng file apart, holding it to its own lengths. */
function blocks(file: Uint8Array): Block[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found: Block[] = [];
  for (let at = 0; at < file.length; ) {
    const length = view.getUint32(at + 4, true);
    expect(length % 4).toBe(0);
    expect(view.getUint32(at + length - 4, true)).toBe(length);
    found.push({ type: view.getUint32(at, true), body: file.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return found;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe("PcapngWriter", () => {
  it("writes a section, an interface of raw IP, and whole packets with their times and directions", () => {
    const parts: Bytes[] = [];
    const writer = new PcapngWriter({ write: (bytes) => parts.push(bytes), comment: "a test" });
    converse((link, clock) => captureLink(link, writer, clock));
    const [section, on, ...packets] = blocks(concat(parts));
    expect(section.type).toBe(0x0a0d0d0a);
    expect(new DataView(section.body.buffer, section.body.byteOffset).getUint32(0, true)).toBe(0x1a2b3c4d);
    expect(on.type).toBe(1);
    expect(on.body[0]).toBe(101);
    expect(packets.length).toBeGreaterThan(8);
    let time = 0;
    for (const { type, body } of packets) {
      expect(type).toBe(6);
      const view = new DataView(body.buffer, body.byteOffset);
      const at = view.getUint32(4, true) * 2 ** 32 + view.getUint32(8, true);
      expect(at).toBeGreaterThanOrEqual(time);
      time = at;
      const length = view.getUint32(12, true);
      const parsed = new Packet();
      expect(parsePacket(parsed, body, 20, 20 + length, true)).toBe(0);
      // The flags behind the packet: inbound or outbound, as its addresses say.
      const options = 20 + ((length + 3) & ~3);
      expect(view.getUint16(options, true)).toBe(2);
      expect(view.getUint32(options + 4, true)).toBe(parsed.destinationW3 === 1 ? 1 : 2);
    }
  });

  it("keeps times beyond 32 bits, comments, and packets of odd lengths", () => {
    const parts: Bytes[] = [];
    const writer = new PcapngWriter({ write: (bytes) => parts.push(bytes), epoch: 1_700_000_000_000_000 });
    const on = writer.addInterface("odd");
    writer.packet(on, 5, new Uint8Array([9, 0x45, 1, 2, 3, 9]), 1, 5, { comment: "four" });
    writer.packet(on, 6, new Uint8Array(7), 0, 7);
    const [, , first, second] = blocks(concat(parts));
    const view = new DataView(first.body.buffer, first.body.byteOffset);
    expect(view.getUint32(4, true) * 2 ** 32 + view.getUint32(8, true)).toBe(1_700_000_000_000_005);
    expect([...first.body.subarray(20, 24)]).toEqual([0x45, 1, 2, 3]);
    expect(new TextDecoder().decode(first.body)).toContain("four");
    expect(second.body.length).toBe(20 + 8);
  });

  const tshark = (() => {
    try {
      return execFileSync("tshark", ["--version"], { encoding: "utf8" }).length > 0;
    } catch {
      return false;
    }
  })();
  const withTshark = it.skipIf(!tshark); // tshark is not installed: the blocks are checked by hand above
  withTshark("is read by tshark, which finds nothing to complain about", () => {
    const parts: Bytes[] = [];
    const writer = new PcapngWriter({ write: (bytes) => parts.push(bytes) });
    converse((link, clock) => captureLink(link, writer, clock));
    const folder = mkdtempSync(join(tmpdir(), "fourtuple-"));
    try {
      const file = join(folder, "talk.pcapng");
      writeFileSync(file, concat(parts));
      const args = ["-r", file, "-o", "tcp.check_checksum:TRUE", "-q", "-z", "expert,warn"];
      expect(execFileSync("tshark", args, { encoding: "utf8" }).trim()).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("traceLink", () => {
  it("writes a line for each packet, as tcpdump does, with relative numbers", () => {
    const lines: string[] = [];
    converse((link, clock) => traceLink(link, { write: (line) => lines.push(line), clock, name: "a" }));
    expect(lines[0]).toMatch(
      /^a 0\.000000 > fd00::1\.\d+ > fd00::2\.7000: Flags \[S\], seq \d+, win 65535, options \[mss 1440,sackOK,TS val \d+ ecr 0,wscale \d+\], length 0$/,
    );
    expect(lines[1]).toMatch(
      /^a 0\.000000 < fd00::2\.7000 > fd00::1\.\d+: Flags \[S\.\], seq \d+, ack 1, win 65535/,
    );
    const data = lines.filter((line) => / > fd00::2.*length [1-9]/.test(line));
    expect(data[0]).toMatch(
      /Flags \[P?\.\], seq 1:1429, ack 1, win \d+, options \[TS val \d+ ecr \d+\], length 1428$/,
    );
    expect(lines.some((line) => /Flags \[F\.\], seq 3001, ack 1/.test(line))).toBe(true);
  });

  it("shows control frames when asked, damaged packets, other protocols and the end", () => {
    const lines: string[] = [];
    const clock = new SimClock();
    const [linkA, linkB] = memoryLinkPair(clock);
    const seen = traceLink(linkA, { write: (line) => lines.push(line), clock, control: true });
    seen.start({ message: () => {}, drained: () => {}, closed: () => {} });
    linkB.start({ message: () => {}, drained: () => {}, closed: () => {} });
    linkB.send(new Uint8Array([0, 1, 0, 5, 0x81, 0xa2, 0x69, 0x64, 7]));
    const icmp = new Uint8Array(48);
    icmp.set([0x60, 0, 0, 0, 0, 8, 58, 64]);
    linkB.send(icmp);
    const damaged = new Uint8Array(40);
    damaged.set([0x60, 0, 0, 0, 0, 0, 6, 64]);
    linkB.send(damaged);
    linkB.close(4_001, "enough");
    clock.runUntilIdle();
    expect(lines).toEqual([
      '0.000000 < control ping: {"id":7}',
      "0.000000 < :: > ::: protocol 58, length 8",
      expect.stringMatching(/^0\.000000 < malformed, 40 bytes: /),
      "0.000000 < closed 4001 enough",
    ]);
  });
});

describe("tapLink", () => {
  it("changes nothing of what passes, and sees every frame of both directions", () => {
    const counts = { in: 0, out: 0, control: 0, closed: 0 };
    converse((link) =>
      tapLink(link, {
        packet: (direction) => counts[direction]++,
        control: () => counts.control++,
        closed: () => counts.closed++,
      }),
    );
    expect(counts.in).toBeGreaterThan(3);
    expect(counts.out).toBeGreaterThan(4);
    expect(counts.control).toBeGreaterThan(3);
  });
});
