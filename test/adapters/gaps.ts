// What no adapter of the system's sockets can do.

export const systemGaps = {
  seesAcknowledgement: "the kernel takes bytes and flushes them by itself",
} as const;
