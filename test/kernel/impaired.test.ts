// Transfers between this stack and the kernel's over a path that loses, reorders, doubles, damages and delays, both ways,
// with a seed; tshark, where installed, judges what was on the device.

import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { PathOptions } from "../../src/core/sim/index.ts";
import { judgeCapture } from "./judge-capture.ts";
import { kernels, ours, Rig } from "./rig.ts";
import { readAll, sendAll } from "./stream-data.ts";

const peer = fileURLToPath(new URL("peer.mjs", import.meta.url));
const MEBIBYTE = 1 << 20;

const paths: readonly (readonly [name: string, path: PathOptions, bytes: number])[] = [
  ["a delay of 20 ms", { delay: 10_000 }, 16 * MEBIBYTE],
  ["0.1 % loss", { delay: 5_000, loss: 0.001 }, 16 * MEBIBYTE],
  ["1 % loss", { delay: 2_000, loss: 0.01 }, 4 * MEBIBYTE],
  ["5 % loss", { delay: 2_000, loss: 0.05 }, MEBIBYTE],
  ["1 % reordered", { delay: 2_000, reorder: 0.01 }, 4 * MEBIBYTE],
  ["1 % doubled", { delay: 2_000, duplicate: 0.01 }, 4 * MEBIBYTE],
  ["1 % damaged", { delay: 2_000, corrupt: 0.01 }, 2 * MEBIBYTE],
  [
    "all of it",
    { delay: 3_000, jitter: 2_000, loss: 0.01, reorder: 0.01, duplicate: 0.01, corrupt: 0.005 },
    MEBIBYTE,
  ],
];

describe.each(paths)("Over a path with %s", (name, path, bytes) => {
  it("bytes arrive whole, both ways, and what is on the wire is well formed", async (context) => {
    const capture = `impaired-${name.replace(/\W+/g, "-")}`;
    const rig = await Rig.create({ path, seed: 42, capture });
    try {
      const sink = rig.namespace.start(process.execPath, [peer, "sink", "9001"]);
      await sink.until(/ready/);
      const up = await rig.network.connect(`${kernels.v4}:9001`, { timeout: 30_000 });
      const sent = await sendAll(up, bytes);
      expect(new TextDecoder().decode(await up.readToEnd())).toBe(sent);
      await up.close();

      const listener = await rig.network.bind(":9002");
      const dial = rig.namespace.start(process.execPath, [peer, "dial", ours.v6, "9002", String(bytes)]);
      const [down] = await listener.accept();
      const received = await readAll(down);
      await down.close({ timeout: 30_000 });
      expect((await dial.until(/\d+ [0-9a-f]{64}/))[0]).toBe(received);

      const counters = rig.impaired?.outward.counters;
      for (const [option, count] of [
        ["loss", counters?.lost],
        ["reorder", counters?.reordered],
        ["duplicate", counters?.duplicated],
        ["corrupt", counters?.corrupted],
      ] as const) {
        if (path[option] !== undefined) expect([option, (count ?? 0) > 0]).toEqual([option, true]);
      }
    } finally {
      await rig.close();
    }
    // The device's side of the path: what the kernel damaged or lost is not to blame, nor what it was sent damaged.
    const judged = await judgeCapture(`${capture}.pcapng`, path.corrupt === undefined);
    if (judged === null) context.skip("tshark is not installed");
    else expect(judged).toEqual([]);
  });
});
