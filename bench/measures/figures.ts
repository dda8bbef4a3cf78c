// Every figure of a run: its unit, and whether more of it is better.

export interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
}

export const figures = {
  download: { title: "download, 1 stream", unit: "MB/s", better: "more" },
  "download-relay-cpu": { title: "relay CPU, download", unit: "s/GB", better: "less" },
  "download-client-cpu": { title: "client CPU, download", unit: "s/GB", better: "less" },
  upload: { title: "upload, 1 stream", unit: "MB/s", better: "more" },
  "upload-relay-cpu": { title: "relay CPU, upload", unit: "s/GB", better: "less" },
  "upload-client-cpu": { title: "client CPU, upload", unit: "s/GB", better: "less" },
  "download-100": { title: "download, 100 streams", unit: "MB/s", better: "more" },
  "upload-100": { title: "upload, 100 streams", unit: "MB/s", better: "more" },
  "ping-p50": { title: "ping 64 B, p50", unit: "µs", better: "less" },
  "ping-p99": { title: "ping 64 B, p99", unit: "µs", better: "less" },
  "beside-p50": { title: "ping beside a download, p50", unit: "ms", better: "less" },
  "beside-p99": { title: "ping beside a download, p99", unit: "ms", better: "less" },
  "beside-bulk": { title: "that download", unit: "MB/s", better: "more" },
  opening: { title: "streams opened, one at a time", unit: "/s", better: "more" },
  "opening-64": { title: "streams opened, 64 at once", unit: "/s", better: "more" },
  "path-idle": { title: "slow path: ping alone, p50", unit: "ms", better: "less" },
  "path-down-p50": { title: "slow path: ping beside a download, p50", unit: "ms", better: "less" },
  "path-down-p99": { title: "slow path: ping beside a download, p99", unit: "ms", better: "less" },
  "path-down-excess": { title: "slow path: p99 beside a download above alone", unit: "ms", better: "less" },
  "path-down-bulk": { title: "slow path: that download", unit: "% of path", better: "more" },
  "path-up-p50": { title: "slow path: ping beside an upload, p50", unit: "ms", better: "less" },
  "path-up-p99": { title: "slow path: ping beside an upload, p99", unit: "ms", better: "less" },
  "path-up-excess": { title: "slow path: p99 beside an upload above alone", unit: "ms", better: "less" },
  "path-up-bulk": { title: "slow path: that upload", unit: "% of path", better: "more" },
  "memory-relay": { title: "idle stream at the relay, held by JavaScript", unit: "KiB", better: "less" },
  "memory-relay-rss": { title: "idle stream at the relay, resident", unit: "KiB", better: "less" },
  "memory-client": { title: "idle stream at the client, held by JavaScript", unit: "KiB", better: "less" },
  "memory-client-rss": { title: "idle stream at the client, resident", unit: "KiB", better: "less" },
  "pair-small": { title: "MSS 1,448, checksums: 1 stream", unit: "MB/s", better: "more" },
  "pair-small-100": { title: "MSS 1,448, checksums: 100 streams", unit: "MB/s", better: "more" },
  "pair-small-cpu": { title: "MSS 1,448, checksums: CPU, 1 stream", unit: "s/GB", better: "less" },
  "pair-large": { title: "MSS 65,495, none: 1 stream", unit: "MB/s", better: "more" },
  "pair-large-100": { title: "MSS 65,495, none: 100 streams", unit: "MB/s", better: "more" },
  "pair-large-cpu": { title: "MSS 65,495, none: CPU, 1 stream", unit: "s/GB", better: "less" },
  "pair-ping-p50": { title: "ping 64 B, p50", unit: "µs", better: "less" },
  "pair-ping-p99": { title: "ping 64 B, p99", unit: "µs", better: "less" },
  "pair-opening": { title: "connections opened and closed, one at a time", unit: "/s", better: "more" },
  "pair-opening-64": { title: "connections opened and closed, 64 at once", unit: "/s", better: "more" },
  "idle-memory": {
    title: "of 100,000 idle ends, keepalive on: one, TcpStream included",
    unit: "KiB",
    better: "less",
  },
  "idle-timers": { title: "timers of the runtime for them", unit: "timers", better: "less" },
  "idle-cpu": { title: "processor time for them", unit: "ms/s", better: "less" },
  "pair-memory": { title: "idle connection, one end, TcpStream included", unit: "KiB", better: "less" },
  "core-transfer": { title: "core alone, MSS 1,448, checksums: 1 stream", unit: "MB/s", better: "more" },
  "core-segment": { title: "core alone: a segment, both ends", unit: "µs", better: "less" },
  "core-allocation": { title: "core alone: allocated for a segment", unit: "B", better: "less" },
  "core-ping-p50": { title: "core alone: ping 64 B, p50", unit: "µs", better: "less" },
  "core-ping-p99": { title: "core alone: ping 64 B, p99", unit: "µs", better: "less" },
  "core-opening": { title: "core alone: connections opened and closed", unit: "/s", better: "more" },
  "core-ack-1": { title: "core alone: ACK with 1 MiB in flight", unit: "ns", better: "less" },
  "core-ack-8": { title: "core alone: ACK with 8 MiB in flight", unit: "ns", better: "less" },
  "core-ack-64": { title: "core alone: ACK with 64 MiB in flight", unit: "ns", better: "less" },
  "core-sack-1": { title: "core alone: SACK with 1 MiB in flight", unit: "ns", better: "less" },
  "core-sack-4": { title: "core alone: SACK with 4 MiB in flight", unit: "ns", better: "less" },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof figures;
