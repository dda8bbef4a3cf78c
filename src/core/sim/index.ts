// fourtuple/sim: virtual time and simulated paths, for tests that run the whole stack without a network; and traces of
// any link, simulated or real. docs/testing.md shows how to use it.

export { memoryLinkPair } from "../link/index.ts";
export { type ImpairedLink, type ImpairOptions, impairLink } from "./impaired-link.ts";
export { markCongestion } from "./mark-congestion.ts";
export { OrderedClock } from "./ordered-clock.ts";
export { type PathClock, PathDirection } from "./path-direction.ts";
export type { BurstLoss, PathCounters, PathOptions } from "./path-options.ts";
export { captureLink, type PacketNote, type PcapngOptions, PcapngWriter } from "./pcapng.ts";
export { Random } from "./random.ts";
export { SimClock, type SimClockOptions } from "./sim-clock.ts";
export { type CutOptions, SimPath, type SimPathOptions } from "./sim-path.ts";
export { SimStream, type SimStreamOptions, type StreamOptions } from "./sim-stream.ts";
export { type Direction, type Tap, tapLink } from "./tap.ts";
export { PacketText, type TextTraceOptions, traceLink } from "./text-trace.ts";
