// Forged and mutated segments, and ICMP errors, into a live pair of stacks.

import type { Connection } from "../../src/core/stack/index.ts";
import type { Bytes } from "../../src/core/wire/bytes.ts";
import {
  buildIcmpError,
  type IcmpError,
  Malformed,
  Packet,
  parsePacket,
  writeTcpChecksum,
} from "../../src/core/wire/index.ts";
import { Pair, pattern, readAll, sameBytes, seeded } from "../core/stack/pair.ts";
import { batter, check, forged, pick, upTo } from "../core/tcp/forged-segments.ts";
import type { FuzzTarget } from "./target.ts";

export const segmentTarget: FuzzTarget = {
  name: "segments",
  about: "forged and mutated segments into a live pair, in every state",
  run: (seed) => batter(seed, 60).segments,
};

/**
 * Two honest ends and somebody who sees nothing: guesses with the right ports, and quotes in ICMP errors. Every byte
 * arrives and no connection ends.
 */
export const blindTarget: FuzzTarget = {
  name: "blind",
  about: "guessed segments and ICMP errors beside a transfer, which must not notice",
  run(seed) {
    const random = seeded(seed);
    const family = random() < 0.5 ? 4 : 6;
    const pair = new Pair({ latency: pick(random, [100, 2_000, 20_000]), family });
    const [client, server] = pair.connected();
    const data = pattern(20_000 + upTo(random, 60_000));
    const received = new Uint8Array(data.length);
    let sent = 0;
    let got = 0;
    let inputs = 0;
    pair.drive(() => {
      for (let count = 0; count < 10; count++, inputs++) {
        const isToClient = random() < 0.5;
        const guess = guessed(random, pair, isToClient ? client : server);
        if (!isToClient) turnAround(guess);
        pair.inject(isToClient ? "a" : "b", guess);
        check(pair.a);
        check(pair.b);
      }
      sent += client.send(pair.now, data.subarray(sent));
      const part = readAll(pair, server);
      received.set(part, got);
      got += part.length;
      return got === data.length;
    });
    if (!sameBytes(received, data)) throw new Error(`${got} bytes of ${data.length} arrived, or others`);
    if (client.state !== "ESTABLISHED" || server.state !== "ESTABLISHED") {
      throw new Error(`The connection was ended: ${client.state}, ${server.state}`);
    }
    return inputs;
  },
};

/** Source and destination change places, which changes no checksum. */
function turnAround(bytes: Bytes): void {
  const [at, length] = bytes[0] >>> 4 === 4 ? [12, 4] : [8, 16];
  const source = bytes.slice(at, at + length);
  bytes.copyWithin(at, at + length, at + 2 * length);
  bytes.set(source, at + length);
}

function guessed(random: () => number, pair: Pair, target: Connection): Bytes {
  const bytes = forged(random, pair, null, target.localPort);
  const at = pair.addressA.family === 4 ? 20 : 40;
  const view = new DataView(bytes.buffer);
  view.setUint16(at, target.remotePort);
  view.setUint16(at + 2, target.localPort);
  // No number of the connection: a guess anywhere.
  const seq = (random() * 2 ** 32) >>> 0;
  let ack = (random() * 2 ** 32) >>> 0;
  const { sending, receiving } = target;
  const isNear = (a: number, b: number): boolean => Math.abs((a - b) | 0) < 1 << 22;
  // Whoever guesses both may send data, and RFC 5961 §5 knows it: one guess in some millions.
  if (isNear(seq, receiving.irs + receiving.next) && isNear(ack, sending.seq(sending.una))) ack ^= 1 << 31;
  view.setUint32(at + 4, seq);
  view.setUint32(at + 8, ack);
  const packet = new Packet();
  if (random() < 0.7 || parsePacket(packet, bytes, 0, bytes.length, false) !== Malformed.none) {
    writeTcpChecksum(bytes, 0, bytes.length);
    return bytes;
  }
  const error = pick<IcmpError>(random, [
    { kind: "unreachable", reason: pick(random, ["port", "host", "net", "protocol", "prohibited"]) },
    { kind: "too-big", mtu: upTo(random, 2_000) },
    { kind: "time-exceeded", code: 0 },
    { kind: "parameter-problem", code: 0, pointer: upTo(random, 60) },
  ]);
  return buildIcmpError(packet, packet.destination(), error, 64) ?? bytes;
}
