// Static tokens. A token is compared by its SHA-256, with all of them and every byte, so that time tells nothing.
import { sha256 } from "@noble/hashes/sha2.js";
import { isSame } from "../tunnel/octets.ts";
import { anonymousSubject, type Grant, type Principal } from "./principal.ts";
import { parsePeerRule, parseTcpRule } from "./rules.ts";

export interface TokenGrant extends Grant {
  /** At least 16 characters; 32 random ones are better. */
  readonly token: string;
}

export class TokenTable {
  private readonly entries: readonly { readonly digest: Uint8Array; readonly principal: Principal }[];

  /** @throws {TypeError} for a token that is too short or a rule that cannot be read. */
  constructor(grants: readonly TokenGrant[]) {
    this.entries = grants.map((grant) => {
      if (grant.token.length < shortest) {
        throw new TypeError(
          `Cannot use the token of ${grant.subject}: it has fewer than ${shortest} characters and can be guessed`,
        );
      }
      return { digest: digestOf(grant.token), principal: toPrincipal(grant) };
    });
  }

  find(token: string): Principal | null {
    const digest = digestOf(token);
    let found: Principal | null = null;
    for (const entry of this.entries) {
      if (isSame(entry.digest, digest)) found = entry.principal;
    }
    return found;
  }
}

/** @throws {TypeError} for a rule that cannot be read. */
export function toPrincipal(grant: Grant): Principal {
  return {
    subject: grant.subject,
    names: grant.names ?? null,
    egress: grant.allow?.map(parseTcpRule) ?? null,
    publish: grant.publish?.map(parseTcpRule) ?? null,
    peers: grant.peers?.map(parsePeerRule) ?? null,
  };
}

export const anonymous: Principal = {
  subject: anonymousSubject,
  names: null,
  egress: null,
  publish: null,
  peers: null,
};

function digestOf(token: string): Uint8Array {
  return sha256(new TextEncoder().encode(`fourtuple token\0${token}`));
}

const shortest = 16;
