// What a client shows to come back to a session (docs/protocol.md §4.2): a proof that it knows the secret of a link,
// by HMAC-SHA-256 (RFC 2104) over both nonces and everything it claims. The secret itself is never sent back.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../core/wire/bytes.ts";
import type { ResumeClaim } from "./handshake-messages.ts";

/** The nonces of this link: the relay's of `challenge`, the client's of `hello`. */
export interface Nonces {
  readonly relay: Uint8Array;
  readonly client: Uint8Array;
}

export function resumeProof(secret: Uint8Array, nonces: Nonces, claim: ResumeClaim): Bytes {
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  view.setUint16(0, claim.link);
  view.setUint16(2, claim.via);
  view.setBigUint64(4, BigInt(claim.generation));
  view.setBigUint64(12, BigInt(claim.attempt));
  const mac = hmac.create(sha256, secret);
  for (const part of [label, nonces.relay, nonces.client, claim.session, claim.state, fixed])
    mac.update(part);
  return new Uint8Array(mac.digest());
}

const label = new TextEncoder().encode("fourtuple resume\0");
