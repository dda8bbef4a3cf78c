// What can be measured, in the order in which it is.

export const measureNames = [
  "download",
  "upload",
  "download-100",
  "upload-100",
  "ping",
  "beside-bulk",
  "opening",
  "opening-64",
  "path",
  "links",
  "resume",
  "memory",
  "sessions",
  "pair",
  "core",
  "idle",
] as const;
export type MeasureName = (typeof measureNames)[number];
