// Many sessions at once come back to a relay that was started anew, with their names, addresses and streams.
import { afterEach, expect, test } from "vitest";
import { type Relay, Testbed, type Tunnel, utf8 } from "../relay/testbed.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { chosen } from "./full.ts";
import { type Held, held, released } from "./leaks.ts";

const PAIRS = chosen(40, 500);
let bed: Testbed;
let before: Held;
const relays: Relay[] = [];

afterEach(async () => {
  await bed.close();
  for (const { counters } of relays.splice(0)) {
    expect(counters).toMatchObject({ sessions: 0, detached: 0, handshakes: 0, streams: 0 });
  }
  await released(before);
});

/** A relay that keeps the key of the one before. Its limits are for many clients of one address. */
async function serve(key: Uint8Array): Promise<Relay> {
  const many = 4 * PAIRS;
  const limits = { sessionsPerSubject: many, handshakes: many, handshakesPerAddress: many };
  const relay = await bed.relay({ key, limits });
  relays.push(relay);
  return relay;
}

test(`${2 * PAIRS} sessions resume at once after the relay's restart, and the streams between them go on`, async () => {
  before = held();
  bed = new Testbed();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const first = await serve(key);
  const proxy = await FaultProxy.start(first.url);
  bed.onClose(() => proxy.close());
  const pairs = await Promise.all(
    Array.from({ length: PAIRS }, async (_, i) => {
      const options = { timeout: 60_000 };
      const dialler = await bed.tunnel(proxy.url, { name: `d-${i}`, ...options });
      const server = await bed.tunnel(proxy.url, { name: `s-${i}`, ...options });
      const listener = await server.bind(":7");
      const [stream, [accepted]] = await Promise.all([
        dialler.connect(`s-${i}.peer:7`, options),
        listener.accept(),
      ]);
      await stream.writeAll(utf8.encode("before "));
      return { dialler, server, listener, stream, accepted, address: dialler.address };
    }),
  );
  const back = Promise.all(pairs.flatMap(({ dialler, server }) => [resumed(dialler), resumed(server)]));
  // The process dies: nobody is told, and nothing is kept but the key.
  proxy.isUp = false;
  proxy.cut();
  await first.close();
  const second = await serve(key);
  proxy.target = Number(new URL(second.url).port);
  proxy.isUp = true;
  await back;
  expect(second.counters.sessionsReborn).toBe(2 * PAIRS);
  await Promise.all(
    pairs.map(async ({ dialler, stream, accepted, address }) => {
      expect(dialler.address).toBe(address);
      await stream.writeAll(utf8.encode("and after"));
      await stream.closeWrite();
      expect(utf8.decode(await accepted.readToEnd())).toBe("before and after");
      await accepted.close();
      await stream.close();
    }),
  );
}, 120_000);

function resumed(tunnel: Tunnel): Promise<void> {
  return new Promise((resolve) => tunnel.addEventListener("resumed", () => resolve(), { once: true }));
}
