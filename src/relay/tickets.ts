// The secrets by which clients come back (docs/protocol.md §4.2). All of them follow from the relay's one key, by
// HKDF-SHA-256 (RFC 5869) over session, link id and generation: a relay that was started anew with the same key knows
// every ticket it ever gave, and keeps none. Generations are taken from the wall clock, so a ticket tells its age.
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../core/wire/bytes.ts";
import { type ResumeRequest, secretLength } from "../tunnel/handshake-messages.ts";
import { isSame } from "../tunnel/octets.ts";
import { type Nonces, resumeProof } from "../tunnel/resume-proof.ts";

export interface TicketsOptions {
  /** At least 32 bytes that nobody else knows. */
  readonly key: Uint8Array;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Milliseconds for which a ticket brings back a session that the relay does not know. */
  readonly lifetime: number;
}

export class Tickets {
  private readonly options: TicketsOptions;

  /** @throws {TypeError} for a key that is too short. */
  constructor(options: TicketsOptions) {
    if (options.key.length < shortestKey) {
      throw new TypeError(
        `Cannot use a key of ${options.key.length} bytes: it takes ${shortestKey} random ones`,
      );
    }
    this.options = { ...options, key: new Uint8Array(options.key) };
  }

  /** A generation above `last`. */
  nextGeneration(last: number): number {
    return Math.max(last + 1, Math.floor(this.options.wallClock()));
  }

  secret(session: Uint8Array, link: number, generation: number): Bytes {
    const info = new Uint8Array(label.length + session.length + 10);
    info.set(label);
    info.set(session, label.length);
    const view = new DataView(info.buffer, label.length + session.length);
    view.setUint16(0, link);
    view.setBigUint64(2, BigInt(generation));
    return new Uint8Array(hkdf(sha256, this.options.key, undefined, info, secretLength));
  }

  /** Whether the client knows the secret of the generation that it names. */
  isProved(resume: ResumeRequest, nonces: Nonces): boolean {
    const secret = this.secret(resume.session, resume.via, resume.generation);
    return isSame(resumeProof(secret, nonces, resume), resume.proof);
  }

  /** Whether the ticket of this generation is too old to bring a session back that the relay does not know. */
  isExpired(generation: number): boolean {
    return this.options.wallClock() - generation > this.options.lifetime;
  }
}

const label = new TextEncoder().encode("fourtuple link\0");
const shortestKey = 32;
