// Symbol.asyncDispose where the engine has it. Without it (Safari until 2026) a member written
// [Symbol.asyncDispose] would become a method named "undefined".

export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);
