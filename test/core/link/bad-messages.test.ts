import { describe, expect, it } from "vitest";
import type { Link, LinkHandler } from "../../../src/core/link/index.ts";
import { Random, SimClock, SimStream } from "../../../src/core/sim/index.ts";
import type { Bytes } from "../../../src/core/wire/bytes.ts";
import { Host, Notes, pattern, readAll } from "./hosts.ts";

/** What b of a short conversation received, message by message. */
function recorded(): Bytes[] {
  const clock = new SimClock();
  const a = new Host("fd00::1", { clock });
  const b = new Host("fd00::2", { clock });
  const stream = new SimStream({ clock, stream: { delay: 1_000 } });
  const messages: Bytes[] = [];
  a.attach({
    framed: true,
    description: "recorded",
    get buffered() {
      return stream.a.buffered;
    },
    start: (handler) => stream.a.start(handler),
    close: () => stream.a.close(),
    send: (message) => {
      messages.push(message.slice());
      stream.a.send(message);
    },
  });
  b.attach(stream.b);
  const listener = b.driver.listen({ address: null, port: 7 });
  const dialled = a.driver.dial({ remote: b.ip, remotePort: 7 });
  clock.run(10_000);
  dialled.send(pattern(0, 5_000));
  clock.run(20_000);
  listener.accept()?.send(pattern(0, 3_000));
  clock.run(30_000);
  readAll(dialled);
  dialled.close();
  clock.run(100_000);
  return messages;
}

class Silent implements Link {
  readonly framed: boolean;
  readonly buffered = 0;
  readonly description = "silent";
  handler: LinkHandler | null = null;
  sent = 0;

  constructor(framed: boolean) {
    this.framed = framed;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  send(message: Bytes): void {
    this.sent += message.length;
  }

  close(): void {}
}

describe("A link that brings anything at all", () => {
  it.each([true, false])("is survived or closed with a reason, never thrown at (framed: %s)", (framed) => {
    const random = new Random(framed ? 1 : 2);
    const originals = recorded();
    const seen = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const clock = new SimClock();
      const reasons: string[] = [];
      const host = new Host("fd00::2", {
        clock,
        stack: { limits: { memory: 1 << 20 } },
        driver: { onProtocolError: (_port, text) => reasons.push(text) },
      });
      const listener = host.driver.listen({ address: null, port: 7 });
      const link = new Silent(framed);
      const port = host.attach(link);
      for (const original of originals) {
        const message = original.slice();
        for (let flips = random.integer(0, 3); flips > 0; flips--) {
          message[random.integer(0, message.length - 1)] = random.integer(0, 255);
        }
        const end = random.chance(0.1) ? random.integer(0, message.length) : message.length;
        link.handler?.message(message.slice(0, end));
        clock.run(clock.now() + random.integer(0, 5_000));
        listener.accept()?.attach(new Notes());
        expect(host.stack.memoryUsed).toBeLessThan(1 << 20);
      }
      clock.run(clock.now() + 300_000_000);
      expect(port.isClosed).toBe(reasons.length === 1);
      expect(reasons.every((reason) => /^[A-Z].*[^.]$/.test(reason))).toBe(true);
      // It cannot be made to talk without end.
      expect(link.sent).toBeLessThan(100_000);
      for (const reason of reasons) seen.add(reason);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});
