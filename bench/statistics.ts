// Medians, ranges and percentiles: the only figures that survive a noisy machine.

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Null for no values. */
export function summarize(values: readonly number[]): Summary | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0],
    max: sorted[sorted.length - 1],
    count: sorted.length,
  };
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

/** The value below which a part of `sorted` lies, between its two neighbours in proportion. */
export function quantile(sorted: Float64Array, part: number): number {
  const at = (sorted.length - 1) * part;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/** Percentiles of times, in microseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** @param seconds at least one */
export function latencyOf(seconds: readonly number[]): Latency {
  const sorted = Float64Array.from(seconds).sort();
  return { p50: quantile(sorted, 0.5) * 1e6, p99: quantile(sorted, 0.99) * 1e6, count: sorted.length };
}
