// What callers may pass as bytes. By tag and not only by class: a frame of a page has classes of its own.

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** The bytes of any buffer source. @throws {TypeError} for anything else. */
export function bytesOf(value: unknown): Uint8Array {
  if (isBytes(value)) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError(`Cannot write a value of type ${typeof value}: expected a Uint8Array`);
}
