// Looking names up: a type, because each runtime has its own way.

/** Gives every address of a name, as text. Rejects with a NetError: ENOTFOUND, EAI_AGAIN. */
export interface Resolver {
  resolve(host: string, options: { readonly signal: AbortSignal }): Promise<readonly string[]>;
}
