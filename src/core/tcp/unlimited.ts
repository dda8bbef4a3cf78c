// The controller of reliable routes, where the peer's window and the link budget limit sending and nothing is lost to
// congestion: it limits nothing and remembers nothing, so one serves all. May use nothing.

import type { CongestionController } from "./congestion.ts";

export const unlimited: CongestionController = {
  name: "none",
  lossBased: true,
  window: Number.POSITIVE_INFINITY,
  slowStartThreshold: Number.POSITIVE_INFINITY,
  pacingRate: 0,
  selfLimited: false,
  acknowledged: ignore,
  congested: ignore,
  recovered: ignore,
  timedOut: ignore,
  undo: ignore,
  resumed: ignore,
  idled: ignore,
  underused: ignore,
  segmentSizeChanged: ignore,
};

function ignore(): void {}
