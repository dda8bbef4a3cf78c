// From a token to a principal: static tokens, then the owner's hook. Without either everybody is one subject.

import type { Grant, Principal } from "./principal.ts";
import { anonymous, type TokenGrant, TokenTable, toPrincipal } from "./tokens.ts";

/** The owner's hook: a grant, or null for a token it does not know. */
export type Authenticate = (
  token: string | undefined,
  context: { readonly remoteAddress: string },
) => Grant | null | Promise<Grant | null>;

export interface Unauthorized {
  readonly code: "EACCES";
  readonly text: string;
  /** Set when it may be otherwise later. */
  readonly retryAfter?: number | undefined;
}

export class Authenticator {
  private readonly tokens: TokenTable | null;
  private readonly hook: Authenticate | null;

  constructor(tokens: readonly TokenGrant[] | undefined, hook: Authenticate | undefined) {
    this.tokens = tokens === undefined ? null : new TokenTable(tokens);
    this.hook = hook ?? null;
  }

  /** Whether a tunnel has to show anything. */
  get isOn(): boolean {
    return this.tokens !== null || this.hook !== null;
  }

  /** Never rejects. */
  async authenticate(token: string | undefined, remoteAddress: string): Promise<Principal | Unauthorized> {
    if (!this.isOn) return anonymous;
    const known = token === undefined ? null : (this.tokens?.find(token) ?? null);
    if (known !== null) return known;
    if (this.hook !== null) {
      try {
        const grant = await this.hook(token, { remoteAddress });
        if (grant !== null) return toPrincipal(grant);
      } catch {
        return { code: "EACCES", text: "the relay could not check the token", retryAfter: 1_000 };
      }
    }
    if (token === undefined) return { code: "EACCES", text: "the relay wants a token, and none was given" };
    return { code: "EACCES", text: "the relay does not know this token" };
  }
}
