// The Range field for bytes (RFC 9110 14.1 and 14.2). A field that is malformed, of another unit, or asks for too
// much is ignored, as the RFC wants: the whole is always a correct answer.

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The ranges to send, null to send everything, or "unsatisfiable" (416) if all of them begin behind the end.
 *
 * @param field the value of Range
 * @param size bytes of the whole
 */
export function parseRange(field: string, size: number): ByteRange[] | "unsatisfiable" | null {
  const list = /^bytes=(.*)$/i.exec(field.trim())?.[1];
  if (list === undefined) return null;
  const specs = list.split(",").map((spec) => spec.trim());
  if (specs.length > MAX_RANGES) return null;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, size);
    if (range === null) return null;
    if (range !== "unsatisfiable") ranges.push(range);
  }
  if (ranges.length === 0) return "unsatisfiable";
  // Ranges that overlap make the answer larger than the file: RFC 9110 17.15 calls it an attack.
  const ordered = [...ranges].sort((one, other) => one.first - other.first);
  const overlaps = ordered.some(
    (range, index) => index > 0 && range.first <= (ordered[index - 1]?.last ?? -1),
  );
  return overlaps ? null : ranges;
}

function parseSpec(spec: string, size: number): ByteRange | "unsatisfiable" | null {
  const parts = /^(\d{0,15})-(\d{0,15})$/.exec(spec);
  if (parts === null || spec === "-") return null;
  const [, from = "", to = ""] = parts;
  if (from === "") {
    // "-500" is the last 500 bytes.
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return null;
  if (first >= size) return "unsatisfiable";
  return { first, last: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

const MAX_RANGES = 16;
