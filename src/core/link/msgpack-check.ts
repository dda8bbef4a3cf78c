// Looks through raw MessagePack before anything is decoded: a hostile map costs one pass over its bytes and no memory.
// Accepts nil, booleans, numbers, strings, binary, arrays and maps with string keys; no extension types.

/** Why one map in bytes[start..end) is refused, or null: it is whole, alone, and nested at most `maxDepth` deep. */
export function checkMap(bytes: Uint8Array, start: number, end: number, maxDepth: number): string | null {
  if (start >= end) return "it is empty";
  if (!isMap(bytes[start])) return "it is not a map";
  // One entry for each open array or map: values still to come, and whether keys stand between them.
  const left: number[] = [];
  const isMapAt: boolean[] = [];
  let at = start;
  do {
    const depth = left.length;
    if (at >= end) return "it ends too early";
    const type = bytes[at];
    // Before each value of a map stands its key: an even number of items is left.
    const isKey = depth > 0 && isMapAt[depth - 1] && left[depth - 1] % 2 === 0;
    if (isKey && !isString(type)) return "a key is not a string";
    const header = headerLength(type);
    if (header === 0) return `type 0x${type.toString(16)} is not allowed`;
    if (at + header > end) return "it ends too early";
    const size = sizeAt(bytes, at, type, header);
    at += header;
    if (depth > 0) left[depth - 1]--;
    if (isMap(type) || isArray(type)) {
      if (size > end - at) return "it ends too early";
      if (depth === maxDepth) return `it is nested more than ${maxDepth} deep`;
      left.push(isMap(type) ? 2 * size : size);
      isMapAt.push(isMap(type));
    } else {
      at += size;
      if (at > end) return "it ends too early";
    }
    while (left.length > 0 && left[left.length - 1] === 0) {
      left.pop();
      isMapAt.pop();
    }
  } while (left.length > 0);
  return at === end ? null : "something follows the map";
}

function isMap(type: number): boolean {
  return type >>> 4 === 8 || type === 0xde || type === 0xdf;
}

function isArray(type: number): boolean {
  return type >>> 4 === 9 || type === 0xdc || type === 0xdd;
}

function isString(type: number): boolean {
  return type >>> 5 === 5 || (type >= 0xd9 && type <= 0xdb);
}

/** Bytes of the type and the size field behind it; 0 for types that are not allowed. */
function headerLength(type: number): number {
  if (type < 0xc0 || type >= 0xe0) return 1;
  return HEADERS[type - 0xc0];
}

/** Bytes that follow the header of a scalar, or items in an array, or pairs in a map. */
function sizeAt(bytes: Uint8Array, at: number, type: number, header: number): number {
  if (type < 0x80 || type >= 0xe0) return 0;
  if (type < 0xa0) return type & 0x0f;
  if (type < 0xc0) return type & 0x1f;
  const fixed = FIXED[type - 0xc0];
  if (fixed >= 0) return fixed;
  let size = 0;
  for (let i = 1; i < header; i++) size = size * 256 + bytes[at + i];
  return size;
}

// From 0xc0: nil, never used, false, true, bin 8 16 32, ext 8 16 32, float 32 64, uint 8 16 32 64, int 8 16 32 64,
// fixext 1 2 4 8 16, str 8 16 32, array 16 32, map 16 32.
const HEADERS = [
  1, 0, 1, 1, 2, 3, 5, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 2, 3, 5, 3, 5, 3, 5,
];
/** Bytes behind the header where the type itself tells; -1 where the size field does. */
const FIXED = [
  0, 0, 0, 0, -1, -1, -1, 0, 0, 0, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1,
];
