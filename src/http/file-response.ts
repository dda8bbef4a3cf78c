// A Blob or File as a response, with all that downloads want: ranges, validators, a name (RFC 9110 13 and 14,
// RFC 6266). Slices of a Blob are read from disk when they are sent: a file dropped on a tab is never in memory.
import { contentDisposition } from "./content-disposition.ts";
import { type ByteRange, parseRange } from "./range.ts";

export interface FileResponseOptions {
  /** The name to save it under. Default: the File's. */
  readonly name?: string | undefined;
  /** Default `attachment` where there is a name: the browser saves it; `inline` shows it. */
  readonly disposition?: "attachment" | "inline" | undefined;
  /** Default: the Blob's type, else `application/octet-stream`. */
  readonly type?: string | undefined;
  /** Milliseconds since 1970. Default: the File's; none for a Blob. */
  readonly lastModified?: number | undefined;
  /** With its quotes: `"v1"`. Default: made from size and time for a File; none for a Blob. */
  readonly etag?: string | undefined;
  /** More header fields, such as Cache-Control. */
  readonly headers?: HeadersInit | undefined;
}

/**
 * Answers GET and HEAD for a file: 200, 206 for one or several ranges, 304, 412 or 416; 405 for other methods.
 *
 * ```ts
 * serve(site, (request) => fileResponse(request, file));   // curl -OJ, curl -C -, <video> and browsers' downloads
 * ```
 *
 * @param request its method and its Range, If-Range and other conditions decide
 */
export function fileResponse(
  request: { readonly method: string; readonly headers: Headers },
  file: Blob,
  options: FileResponseOptions = {},
): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("This is a file: GET or HEAD it\n", { status: 405, headers: { Allow: "GET, HEAD" } });
  }
  const validators = fileValidators(file, options);
  const headers = fileHeaders(file, options, validators);
  const precondition = evaluate(request.headers, validators);
  if (precondition === 304 || precondition === 412) {
    headers.delete("Content-Type");
    headers.delete("Content-Disposition");
    return new Response(null, { status: precondition, headers });
  }
  const rangeField = request.method === "GET" ? request.headers.get("range") : null;
  const applies = rangeField !== null && ifRangeHolds(request.headers.get("if-range"), validators);
  const ranges = applies ? parseRange(rangeField, file.size) : null;
  if (ranges === "unsatisfiable") {
    headers.set("Content-Range", `bytes */${file.size}`);
    headers.delete("Content-Disposition");
    headers.set("Content-Type", "text/plain; charset=utf-8");
    return new Response(`The file has ${file.size} bytes\n`, { status: 416, headers });
  }
  if (ranges === null) return whole(request.method, file, headers);
  return ranges.length === 1 && ranges[0] !== undefined
    ? onePart(file, ranges[0], headers)
    : severalParts(file, ranges, headers);
}

interface Validators {
  readonly etag: string | null;
  /** Whole seconds, as HTTP tells time. */
  readonly modified: number | null;
}

function fileValidators(file: Blob, options: FileResponseOptions): Validators {
  const time = options.lastModified ?? (file instanceof File ? file.lastModified : undefined);
  const modified = time === undefined || !Number.isFinite(time) ? null : Math.floor(time / 1000);
  // A File is a snapshot: if the file on disk changes, reading fails. So size and time make a strong validator.
  const made = time === undefined ? null : `"${file.size.toString(16)}-${Math.floor(time).toString(16)}"`;
  return { etag: options.etag ?? made, modified };
}

function fileHeaders(file: Blob, options: FileResponseOptions, validators: Validators): Headers {
  const headers = new Headers(options.headers);
  headers.set("Content-Type", options.type ?? (file.type || "application/octet-stream"));
  headers.set("Accept-Ranges", "bytes");
  if (validators.etag !== null) headers.set("ETag", validators.etag);
  if (validators.modified !== null)
    headers.set("Last-Modified", new Date(validators.modified * 1000).toUTCString());
  const name = options.name ?? (file instanceof File ? file.name : undefined);
  const disposition = options.disposition ?? (name === undefined ? undefined : "attachment");
  if (disposition !== undefined) headers.set("Content-Disposition", contentDisposition(disposition, name));
  return headers;
}

/** RFC 9110 13.2.2: the order in which conditions count. */
function evaluate(headers: Headers, validators: Validators): 304 | 412 | null {
  const match = headers.get("if-match");
  if (match !== null) {
    if (!tagMatches(match, validators.etag, "strong")) return 412;
  } else {
    const unmodified = httpDate(headers.get("if-unmodified-since"));
    if (unmodified !== null && validators.modified !== null && validators.modified > unmodified) return 412;
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) return tagMatches(noneMatch, validators.etag, "weak") ? 304 : null;
  const since = httpDate(headers.get("if-modified-since"));
  return since !== null && validators.modified !== null && validators.modified <= since ? 304 : null;
}

/** RFC 9110 13.1.5: a range of another version of the file would be spliced into this one. */
function ifRangeHolds(value: string | null, validators: Validators): boolean {
  if (value === null) return true;
  if (value.startsWith('"')) return value === validators.etag;
  if (value.startsWith("W/")) return false;
  const date = httpDate(value);
  return date !== null && date === validators.modified;
}

function tagMatches(list: string, etag: string | null, comparison: "strong" | "weak"): boolean {
  if (etag === null) return false;
  if (list.trim() === "*") return true;
  const strip = (tag: string): string => (comparison === "weak" ? tag.replace(/^W\//, "") : tag);
  if (comparison === "strong" && etag.startsWith("W/")) return false;
  return (list.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => strip(tag) === strip(etag));
}

/** Seconds since 1970, or null for no or a bad date, which counts as no condition. */
function httpDate(text: string | null): number | null {
  if (text === null) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : Math.floor(time / 1000);
}

function whole(method: string, file: Blob, headers: Headers): Response {
  headers.set("Content-Length", String(file.size));
  return new Response(method === "HEAD" ? null : file, { status: 200, headers });
}

function onePart(file: Blob, range: ByteRange, headers: Headers): Response {
  const { first, last } = range;
  headers.set("Content-Range", `bytes ${first}-${last}/${file.size}`);
  headers.set("Content-Length", String(last - first + 1));
  return new Response(file.slice(first, last + 1), { status: 206, headers });
}

/** RFC 9110 14.6: a Blob of slices of a Blob still reads from disk. */
function severalParts(file: Blob, ranges: readonly ByteRange[], headers: Headers): Response {
  const boundary = crypto
    .getRandomValues(new Uint8Array(16))
    .reduce((text, byte) => text + byte.toString(16), "");
  const type = headers.get("Content-Type") ?? "application/octet-stream";
  const parts = ranges.flatMap(({ first, last }): BlobPart[] => [
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${first}-${last}/${file.size}\r\n\r\n`,
    file.slice(first, last + 1),
  ]);
  const body = new Blob([...parts, `\r\n--${boundary}--\r\n`]);
  headers.set("Content-Type", `multipart/byteranges; boundary=${boundary}`);
  headers.set("Content-Length", String(body.size));
  return new Response(body, { status: 206, headers });
}
