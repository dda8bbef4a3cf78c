import { describe, expect, test } from "vitest";
import type { ControlMessage } from "../../src/core/link/control-codec.ts";
import { type ControlCarrier, SessionControl } from "../../src/tunnel/session-control.ts";

class Carrier implements ControlCarrier {
  readonly sent: [number, ControlMessage][] = [];
  acknowledged = 0;

  sendControl(type: number, message: ControlMessage): void {
    this.sent.push([type, message]);
  }

  acknowledge(number: number): void {
    this.acknowledged = number;
  }
}

function make(limit?: number): { control: SessionControl; applied: unknown[]; errors: string[] } {
  const applied: unknown[] = [];
  const errors: string[] = [];
  const control = new SessionControl({
    apply: (type, message) => applied.push([type, message["what"]]),
    protocolError: (_carrier, text) => errors.push(text),
    ...(limit === undefined ? {} : { limit }),
  });
  return { control, applied, errors };
}

describe("Session control", () => {
  test("is numbered from 1 and acknowledged by the highest number applied", () => {
    const { control } = make();
    const link = new Carrier();
    control.attach(link);
    control.send(32, { what: "a" });
    control.send(33, { what: "b" });
    expect(link.sent).toEqual([
      [32, { n: 1, what: "a" }],
      [33, { n: 2, what: "b" }],
    ]);
    control.acknowledged(link, 1);
    expect(control.pending).toBe(1);
    control.acknowledged(link, 2);
    expect(control.pending).toBe(0);
  });

  test("that was not acknowledged is sent again on the next link, in order, with its number", () => {
    const { control } = make();
    const first = new Carrier();
    control.attach(first);
    for (const what of ["a", "b", "c"]) control.send(32, { what });
    control.acknowledged(first, 1);
    control.detach(first);
    control.send(32, { what: "d" });
    const second = new Carrier();
    control.attach(second);
    expect(second.sent.map(([, message]) => [message["n"], message["what"]])).toEqual([
      [2, "b"],
      [3, "c"],
      [4, "d"],
    ]);
  });

  test("is applied once and in order, and what came twice is acknowledged again", () => {
    const { control, applied, errors } = make();
    const link = new Carrier();
    control.attach(link);
    control.receive(link, 32, { n: 1, what: "a" });
    control.receive(link, 32, { n: 2, what: "b" });
    link.acknowledged = 0;
    control.receive(link, 32, { n: 1, what: "a" });
    expect(applied).toEqual([
      [32, "a"],
      [32, "b"],
    ]);
    expect(link.acknowledged).toBe(2);
    expect(errors).toEqual([]);
  });

  test("waits for what it follows when there are two links, and with one a gap is an error", () => {
    const { control, applied, errors } = make();
    const [one, two] = [new Carrier(), new Carrier()];
    control.attach(one);
    control.attach(two);
    control.receive(two, 32, { n: 3, what: "c" });
    control.receive(two, 32, { n: 2, what: "b" });
    expect(applied).toEqual([]);
    control.receive(one, 32, { n: 1, what: "a" });
    expect(applied.map((entry) => (entry as unknown[])[1])).toEqual(["a", "b", "c"]);
    expect(one.acknowledged).toBe(3);
    control.detach(two);
    control.receive(one, 32, { n: 5, what: "e" });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain("4 is missing");
  });

  test("goes on every link, and all that is not acknowledged on each that comes", () => {
    const { control } = make();
    const [one, two] = [new Carrier(), new Carrier()];
    control.attach(one);
    control.send(32, { what: "a" });
    control.attach(two);
    control.send(32, { what: "b" });
    const both = [
      [32, { n: 1, what: "a" }],
      [32, { n: 2, what: "b" }],
    ];
    expect(one.sent).toEqual(both);
    expect(two.sent).toEqual(both);
    control.acknowledged(one, 1);
    control.detach(one);
    expect(two.sent).toHaveLength(2);
    const three = new Carrier();
    control.attach(three);
    expect(three.sent).toEqual([[32, { n: 2, what: "b" }]]);
  });

  test("begins anew when the other side has forgotten it", () => {
    const { control, applied, errors } = make();
    const link = new Carrier();
    control.attach(link);
    control.send(32, { what: "a" });
    control.receive(link, 32, { n: 1, what: "x" });
    control.detach(link);
    control.reset();
    expect(control.pending).toBe(0);
    const next = new Carrier();
    control.attach(next);
    control.send(32, { what: "b" });
    expect(next.sent).toEqual([[32, { n: 1, what: "b" }]]);
    control.receive(next, 32, { n: 1, what: "y" });
    expect(applied.map((entry) => (entry as unknown[])[1])).toEqual(["x", "y"]);
    expect(errors).toEqual([]);
  });

  test.each([undefined, 0, -1, 1.5, "1", 2 ** 49])("with the number %s is an error", (n) => {
    const { control, applied, errors } = make();
    const link = new Carrier();
    control.attach(link);
    control.receive(link, 32, { n: n as number });
    expect(applied).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  test("that was acknowledged without being sent is an error, and too much of it ends the session", () => {
    const { control, errors } = make(2);
    const link = new Carrier();
    control.attach(link);
    expect(control.send(32, {}) && control.send(32, {})).toBe(true);
    expect(control.send(32, {})).toBe(false);
    control.acknowledged(link, 3);
    expect(errors).toHaveLength(1);
  });
});
