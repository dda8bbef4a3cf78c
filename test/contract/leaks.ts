// Contract: figures, options, and that nothing stays behind.

import { equal, ok } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

const states = [
  "CLOSED",
  "LISTEN",
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
];

export function leaks({ test, limits }: Chapter): void {
  test("info tells the state by its RFC 9293 name", async (place) => {
    const { client, server } = await place.connect();
    equal(client.info().state, "ESTABLISHED", "at first");
    await client.closeWrite();
    equal(await server.read(new Uint8Array(1)), null, "the end");
    await settle();
    ok(states.includes(client.info().state), `a state of RFC 9293, not ${client.info().state}`);
    equal(server.info().state, "CLOSE-WAIT", "after the peer's FIN");
    await server.close();
    equal(await client.read(new Uint8Array(1)), null, "the other end");
    await client.closed;
    ok(states.includes(client.info().state), "a state after the end");
  });

  test("noDelay is on by default; the setters chain", async (place) => {
    const { client } = await place.connect();
    equal(client.noDelay, true, "by default");
    equal(client.setNoDelay(false).noDelay, false, "off");
    equal(client.setNoDelay().noDelay, true, "on");
    equal(client.setKeepAlive().setKeepAlive({ idle: 60_000 }).setKeepAlive(false), client, "setKeepAlive");
  });

  test("options of connect and bind reach the streams", async (place) => {
    const { world } = place;
    const listener = place.keepListener(
      await world.server.bind(world.bindAddr, { noDelay: false, keepAlive: true }),
    );
    const [client, server] = await Promise.all([
      world.client.connect(place.addressOf(listener), { noDelay: false, keepAlive: { idle: 60_000 } }),
      place.accept(listener),
    ]);
    equal(place.keep(client).noDelay, false, "the dialled stream");
    equal(server.noDelay, false, "the accepted stream");
  });

  test("bytesRead and bytesWritten count both ways", async (place) => {
    const { client, server } = await place.connect();
    await client.writeAll(pattern(12_345));
    await readBytes(server, 12_345);
    await server.writeAll(pattern(54_321));
    await readBytes(client, 54_321);
    equal(client.bytesWritten, 12_345, "written by the dialler");
    equal(server.bytesRead, 12_345, "read by the other");
    equal(server.bytesWritten, 54_321, "written by the other");
    equal(client.bytesRead, 54_321, "read by the dialler");
  });

  test(`${limits.streams} streams, ${limits.atOnce} at once, come and go without a trace`, async (place) => {
    const { world } = place;
    const listener = await place.listen();
    const handling = (async () => {
      for await (const stream of listener.incoming()) {
        void (async () => {
          for await (const chunk of stream) await stream.writeAll(chunk);
          await stream.close();
        })();
      }
    })();
    const one = async (index: number): Promise<void> => {
      const stream = await world.client.connect(place.addressOf(listener), { timeout: 10_000 });
      await stream.writeAll(pattern(100, index));
      await stream.closeWrite();
      equal((await stream.readToEnd()).length, 100, "echoed bytes");
      await stream.close();
    };
    await one(0);
    await settle();
    // What tests before left may still be ending: then this is too high, never too low.
    const before = world.openCount?.() ?? 0;
    const open = (): number => world.openCount?.() ?? 0;
    for (let done = 0; done < limits.streams; done += limits.atOnce) {
      await Promise.all(Array.from({ length: limits.atOnce }, (_, index) => one(index)));
    }
    for (let patience = 0; patience < 50 && open() > before; patience++) await settle(100);
    ok(open() <= before, `${open()} are open, and were ${before}`);
    await listener.close();
    await handling;
  });
}
