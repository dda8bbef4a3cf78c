// The choice of a congestion control, from the option of connect and bind down to the connection.

import { describe, expect, it } from "vitest";
import { NetError } from "../../../src/core/net/index.ts";
import { SimClock, SimPath } from "../../../src/core/sim/index.ts";
import { StackError } from "../../../src/core/stack/index.ts";
import { Host, type HostOptions } from "./hosts.ts";

function pair(route: HostOptions["route"] = { reliable: false, mtu: 1_500 }): [SimClock, Host, Host] {
  const clock = new SimClock();
  const path = new SimPath({ clock, path: { delay: 5_000 } });
  const [a, b] = [new Host("fd00::1", { clock, route }), new Host("fd00::2", { clock, route })];
  a.attach(path.a);
  b.attach(path.b);
  return [clock, a, b];
}

describe("congestionControl", () => {
  it.each(["cubic", "newreno", "bbr"] as const)(
    "%s is taken by connect and by bind, and info() tells it",
    (name) =>
      use(async (clock, a, b) => {
        const listener = await b.network.bind("[fd00::2]:80", { congestionControl: name });
        const stream = await a.network.connect("[fd00::2]:80", { congestionControl: name });
        const [accepted] = await listener.accept();
        expect([stream.info()?.congestionControl, accepted.info()?.congestionControl]).toEqual([name, name]);
        await stream.writeAll(new Uint8Array(100_000));
        stream.abort();
        void clock;
      }),
  );

  it("each end chooses for itself, and CUBIC is what nobody chose", () =>
    use(async (_clock, a, b) => {
      const listener = await b.network.bind("[fd00::2]:80");
      const stream = await a.network.connect("[fd00::2]:80", { congestionControl: "bbr" });
      const [accepted] = await listener.accept();
      expect([stream.info()?.congestionControl, accepted.info()?.congestionControl]).toEqual([
        "bbr",
        "cubic",
      ]);
    }));

  it("has no effect on a reliable route", () =>
    use(
      async (_clock, a, b) => {
        await b.network.bind("[fd00::2]:80");
        const stream = await a.network.connect("[fd00::2]:80", { congestionControl: "bbr" });
        expect(stream.info()?.congestionControl).toBe("none");
      },
      { reliable: true },
    ));

  it("an unknown one is EINVAL, with the names that there are", () =>
    use(async (_clock, a, b) => {
      const congestionControl = "vegas" as "cubic";
      const known = 'no congestion control "vegas": there are cubic, newreno, bbr';
      const connect = await a.network.connect("[fd00::2]:80", { congestionControl }).catch((error) => error);
      expect(connect).toBeInstanceOf(NetError);
      expect(connect).toMatchObject({
        code: "EINVAL",
        message: `Cannot connect to [fd00::2]:80: ${known}`,
      });
      const bind = await b.network.bind(":80", { congestionControl }).catch((error) => error);
      expect(bind).toMatchObject({ code: "EINVAL", message: `Cannot listen on :80: ${known}` });
      expect(
        () => new Host("fd00::3", { clock: new SimClock(), stack: { tcp: { congestionControl } } }),
      ).toThrow(StackError);
    }));
});

async function use(
  talk: (clock: SimClock, a: Host, b: Host) => Promise<void>,
  route?: HostOptions["route"],
): Promise<void> {
  const [clock, a, b] = pair(route);
  await clock.drive(talk(clock, a, b));
}
