// Header lists on their way between the wire and the Web's Headers. A Headers object of its own keeps every field;
// only the one inside a browser's Request or Response drops Cookie, Host, Origin, Referer and Set-Cookie.
import { type Field, isFieldValue, isToken } from "./head.ts";

/** Header fields: a Headers object, pairs (a name may come more than once), or an object with one or more values. */
export type HeadersLike =
  | Headers
  | Iterable<readonly [name: string, value: string]>
  | { readonly [name: string]: string | readonly string[] | undefined };

/** Every field, Cookie and Set-Cookie too, as a Headers object without a guard. */
export function toHeaders(fields: Iterable<Field>): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/**
 * The fields as they will be written.
 *
 * @throws TypeError for a name or a value that HTTP cannot carry
 */
export function toFields(headers: HeadersLike | undefined): Field[] {
  const list: Field[] = [];
  if (headers === undefined) return list;
  const add = (name: string, value: string): void => {
    const trimmed = value.replace(/^[\t ]+|[\t ]+$/g, "");
    if (!isToken(name)) throw new TypeError(`Cannot send a header field named "${name}": not a token`);
    if (!isFieldValue(trimmed)) {
      throw new TypeError(
        `Cannot send the header field ${name}: its value has a character HTTP cannot carry`,
      );
    }
    list.push([name, trimmed]);
  };
  if (isIterable(headers)) {
    for (const [name, value] of headers) add(name, value);
    return list;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") add(name, value);
    else if (value !== undefined) for (const one of value) add(name, String(one));
  }
  return list;
}

export function hasField(fields: readonly Field[], name: string): boolean {
  return fields.some(([key]) => key.toLowerCase() === name);
}

/** The fields but for those that are about one connection (RFC 9110 7.6.1) or frame the message. */
export function withoutConnectionFields(fields: readonly Field[]): Field[] {
  return fields.filter(([name]) => !CONNECTION_FIELDS.has(name.toLowerCase()));
}

/** Whether `Connection: close` is among the fields. */
export function asksToClose(fields: readonly Field[]): boolean {
  return fields.some(([name, value]) => name.toLowerCase() === "connection" && /\bclose\b/i.test(value));
}

/** A head as bytes: start line, fields, empty line. Everything in it was checked before. */
export function encodeHead(startLine: string, fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  let text = `${startLine}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  text += "\r\n";
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

function isIterable(headers: HeadersLike): headers is Headers | Iterable<readonly [string, string]> {
  return typeof (headers as Iterable<unknown>)[Symbol.iterator] === "function";
}

const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
