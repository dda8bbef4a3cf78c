// Bytes between this stack and the kernel's, over a TUN device: as many in both directions, by SHA-256.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kernels, ours, Rig } from "./rig.ts";
import { readAll, sendAll } from "./stream-data.ts";

const peer = fileURLToPath(new URL("peer.mjs", import.meta.url));
const GIBIBYTE = 1 << 30;

describe("a transfer over a TUN device", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.create();
  });
  afterAll(() => rig.close());

  it("of 1 GiB arrives at the kernel", async () => {
    const sink = rig.namespace.start(process.execPath, [peer, "sink", "9001"]);
    await sink.until(/ready/);
    const stream = await rig.network.connect(`${kernels.v4}:9001`);
    const sent = await sendAll(stream, GIBIBYTE);
    expect(new TextDecoder().decode(await stream.readToEnd())).toBe(sent);
    await stream.close();
  });

  it("of 1 GiB arrives from the kernel, over IPv6", async () => {
    const source = rig.namespace.start(process.execPath, [peer, "source", "9002", String(GIBIBYTE)]);
    await source.until(/ready/);
    const stream = await rig.network.connect(`[${kernels.v6}]:9002`);
    const received = await readAll(stream);
    expect((await source.until(/\d+ [0-9a-f]{64}/))[0]).toBe(received);
    expect(received.startsWith(`${GIBIBYTE} `)).toBe(true);
    await stream.close();
  });

  it("answers the kernel's pings", async () => {
    for (const target of [ours.v4, ours.v6]) {
      const { code, stdout } = await rig.namespace.run("ping", ["-c", "20", "-i", "0.01", target]);
      expect([target, code, String(stdout)]).toEqual([target, 0, expect.stringContaining("20 received")]);
    }
  });
});
