// IP addresses as text, to and from 32-bit words: RFC 4291 §2.2 (all forms), RFC 5952 (the canonical form).
// The IPv4 parser is strict: four decimal numbers without leading zeros. The forms that inet_aton() and URL
// parsers also take are in parseLegacyIpv4Text(), so that policy can recognise them and nothing takes them by
// accident.

const COLON = 58;
const DOT = 46;

/** The 32 bits of a dotted quad, signed, or null. */
export function parseIpv4Text(text: string): number | null {
  if (text.length < 7 || text.length > 15) return null;
  let word = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (digits === 0 || part > 255 || ++parts > 4) return null;
      word = (word << 8) | part;
      part = 0;
      digits = 0;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9 || digits === 3 || (digits > 0 && part === 0)) return null;
      part = part * 10 + digit;
      digits++;
    }
  }
  return parts === 4 ? word : null;
}

/** The four signed 32-bit words of an IPv6 address without zone, or null. */
export function parseIpv6Text(text: string): Int32Array | null {
  const groups = new Uint16Array(8);
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === 8) return null;
    let value = 0;
    let stop = at;
    for (let digit = hexDigit(text.charCodeAt(stop)); digit >= 0; digit = hexDigit(text.charCodeAt(stop))) {
      if (++stop - at > 4) return null;
      value = (value << 4) | digit;
    }
    if (stop === at) return null;
    if (text.charCodeAt(stop) === DOT) {
      const quad = parseIpv4Text(text.slice(at));
      if (quad === null || count > 6) return null;
      groups[count++] = quad >>> 16;
      groups[count++] = quad & 0xffff;
      break;
    }
    groups[count++] = value;
    at = stop;
    if (at === text.length) break;
    if (text.charCodeAt(at++) !== COLON || at === text.length) return null;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return null;
      gap = count;
      at++;
    }
  }
  if (gap >= 0 ? count === 8 : count !== 8) return null;
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  const words = new Int32Array(4);
  for (let word = 0; word < 4; word++) words[word] = (groups[2 * word] << 16) | groups[2 * word + 1];
  return words;
}

/**
 * The 32 bits, signed, of every form of IPv4 address that inet_aton() or a URL parser takes: one to four
 * parts, each decimal, octal (leading 0) or hexadecimal (leading 0x), the last filling all remaining bytes;
 * one final dot.
 */
export function parseLegacyIpv4Text(text: string): number | null {
  const parts = (text.endsWith(".") ? text.slice(0, -1) : text).split(".", 5);
  if (parts.length > 4) return null;
  let word = 0;
  for (let index = 0; index < parts.length; index++) {
    const value = parseLegacyNumber(parts[index]);
    const lastOne = index === parts.length - 1;
    const limit = lastOne ? 2 ** (8 * (5 - parts.length)) : 256;
    if (value === null || value >= limit) return null;
    word |= lastOne ? value : value << (8 * (3 - index));
  }
  return word;
}

function parseLegacyNumber(text: string): number | null {
  const hexadecimal = text.startsWith("0x") || text.startsWith("0X");
  const radix = hexadecimal ? 16 : text.length > 1 && text.startsWith("0") ? 8 : 10;
  if (text.length === 0) return null;
  let value = 0;
  for (let at = hexadecimal ? 2 : 0; at < text.length; at++) {
    const digit = hexDigit(text.charCodeAt(at));
    if (digit < 0 || digit >= radix) return null;
    value = value * radix + digit;
    if (value > 0xffff_ffff) return null;
  }
  return value;
}

/**
 * The value of a hexadecimal digit by its character code; -1 for any other, and for NaN at the end of a text.
 */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** A dotted quad. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/**
 * RFC 5952: lower case, the first of the longest runs of two or more zero groups as "::", mapped IPv4 as a
 * quad.
 */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`;
  const groups = [
    w0 >>> 16,
    w0 & 0xffff,
    w1 >>> 16,
    w1 & 0xffff,
    w2 >>> 16,
    w2 & 0xffff,
    w3 >>> 16,
    w3 & 0xffff,
  ];
  let runStart = -1;
  let runLength = 1;
  for (let at = 0; at < 8; at++) {
    let stop = at;
    while (stop < 8 && groups[stop] === 0) stop++;
    if (stop - at > runLength) {
      runStart = at;
      runLength = stop - at;
    }
    if (stop > at) at = stop;
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (runStart < 0) return text(0, 8);
  return `${text(0, runStart)}::${text(runStart + runLength, 8)}`;
}
