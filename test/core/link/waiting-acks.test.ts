// ACKs and word of a little data wait up to 2 ms for company: how many messages an exchange takes, and what never waits.

import { describe, expect, it } from "vitest";
import { SimClock, SimStream } from "../../../src/core/sim/index.ts";
import { Host, Notes, pattern, readAll } from "./hosts.ts";

const DELAY = 100;

function joined(reliable: boolean) {
  const clock = new SimClock();
  const a = new Host("fd00::1", { clock, route: { reliable } });
  const b = new Host("fd00::2", { clock, route: { reliable } });
  const stream = new SimStream({ clock, stream: { delay: DELAY } });
  const portA = a.attach(stream.a);
  const portB = b.attach(stream.b);
  const listener = b.driver.listen({ address: null, port: 7 });
  const dialled = a.driver.dial({ remote: b.ip, remotePort: 7 });
  clock.run(clock.now() + 1_000_000);
  const accepted = listener.accept();
  if (accepted === undefined) throw new Error("nothing was accepted");
  const notes = [new Notes(), new Notes()] as const;
  dialled.attach(notes[0]);
  accepted.attach(notes[1]);
  const pass = (micros: number): void => clock.run(clock.now() + micros);
  // A first exchange: windows are open, nothing is owed.
  dialled.send(pattern(0, 100));
  pass(10_000);
  readAll(accepted);
  accepted.send(pattern(0, 100));
  pass(500_000);
  readAll(dialled);
  pass(500_000);
  const messages = (): number => portA.messagesSent + portB.messagesSent;
  return { clock, a, b, portA, portB, dialled, accepted, notes, pass, messages };
}

describe("ACKs of a little data", () => {
  it("leave with the answer: a request and its answer are two messages", () => {
    const { dialled, accepted, pass, messages } = joined(true);
    const before = messages();
    dialled.send(pattern(0, 64));
    pass(500);
    expect(readAll(accepted).length).toBe(64);
    accepted.send(pattern(0, 64));
    pass(500);
    expect(readAll(dialled).length).toBe(64);
    expect(messages() - before).toBe(2);
    // The last ACK, and word that it arrived.
    pass(100_000);
    expect(messages() - before).toBe(4);
    expect([dialled.unacknowledged, accepted.unacknowledged]).toEqual([0, 0]);
  });

  it("leave alone after 2 ms", () => {
    const { dialled, accepted, pass, portB } = joined(true);
    const before = portB.messagesSent;
    dialled.send(pattern(0, 64));
    pass(DELAY + 1_500);
    readAll(accepted);
    expect(portB.messagesSent).toBe(before);
    expect(dialled.unacknowledged).toBe(64);
    pass(1_000);
    expect(portB.messagesSent).toBe(before + 1);
    expect(dialled.unacknowledged).toBe(0);
  });

  it("go at once when there is more than a little, and with the answer to a FIN", () => {
    const { dialled, accepted, pass, portB } = joined(true);
    const before = portB.messagesSent;
    dialled.send(pattern(0, 20_000));
    pass(DELAY + 100);
    expect(readAll(accepted).length).toBe(20_000);
    expect(portB.messagesSent).toBe(before + 1);
    pass(100_000);
    const quiet = portB.messagesSent;
    dialled.finish();
    pass(DELAY + 100);
    expect(portB.messagesSent).toBe(quiet + 1);
  });

  it("do not hold up what must not wait: control frames take them along", () => {
    const { dialled, pass, portB } = joined(true);
    const before = portB.messagesSent;
    dialled.send(pattern(0, 64));
    pass(DELAY + 100);
    portB.sendControl(40, { text: "now" });
    pass(DELAY + 100);
    expect(portB.messagesSent).toBe(before + 1);
    expect(dialled.unacknowledged).toBe(0);
  });

  it("wait on reliable routes alone: elsewhere TCP itself delays them", () => {
    const { dialled, accepted, pass, portB } = joined(false);
    const before = portB.messagesSent;
    // In the first exchanges of a connection it acknowledges at once (quick ACKs).
    dialled.send(pattern(0, 64));
    pass(DELAY + 100);
    readAll(accepted);
    expect(portB.messagesSent).toBe(before + 1);
  });
});
