// WebSocket close codes (RFC 6455 §7.4) as links and errors use them: what may be sent, and what they say.
import type { LinkClosed } from "../../core/link/link.ts";

/** Only 1000 and 3000 to 4999 may be given to a browser's close(). */
export function closeCodeToSend(code: number | undefined): number {
  if (code === undefined) return 1000;
  if (code === 1000 || (code >= 3000 && code <= 4999)) return code;
  return closeCodesOfPrograms.get(code) ?? 4000;
}

/** A close reason holds at most 123 bytes of UTF-8. */
export function closeReasonToSend(reason: string | undefined): string {
  let text = (reason ?? "").slice(0, 123);
  while (new TextEncoder().encode(text).length > 123) text = text.slice(0, -1);
  return text;
}

/** What a link tells of its end. Deno gives 0 where others give 1006. */
export function closedBy(code: number, reason: string, error: unknown): LinkClosed {
  return { code: code === 0 ? 1006 : code, reason, error };
}

/** What a close code says, for a message. */
export function closeText(code: number): string {
  return closeTexts.get(code) ?? `close code ${code}`;
}

/** Codes that only an endpoint's own implementation may send, as the codes this project uses in their place. */
const closeCodesOfPrograms: ReadonlyMap<number, number> = new Map([
  [1002, 4002],
  [1003, 4002],
  [1007, 4002],
  [1008, 3000],
  [1009, 4009],
  [1011, 4011],
  [1013, 4013],
]);

const closeTexts: ReadonlyMap<number, string> = new Map([
  [0, "the connection was lost without a close"],
  [1000, "closed"],
  [1001, "the other side went away"],
  [1002, "protocol error"],
  [1003, "a kind of message that is not accepted"],
  [1005, "closed without a code"],
  [1006, "the connection was lost without a close"],
  [1008, "refused by policy"],
  [1009, "a message too big"],
  [1011, "an error of the other side"],
  [1012, "the other side restarts"],
  [1013, "the other side is overloaded"],
  [1015, "the TLS handshake failed"],
  [3000, "not authorised"],
  [4002, "protocol error"],
  [4008, "no answer"],
  [4009, "a message too big"],
  [4013, "the other side is overloaded"],
]);
