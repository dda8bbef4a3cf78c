// What no adapter of the system's sockets can do, and what not every system can.

import type { Capabilities } from "../contract/world.ts";

export const systemGaps: Partial<Record<keyof Capabilities, string>> = {
  seesAcknowledgement: "the kernel takes bytes and flushes them by itself",
  ...(process.platform !== "linux" && {
    silent: "only Linux leaves a connect unanswered when the backlog is full",
  }),
};
