// Makes a clock or randomness a type error in core/wire, core/tcp and core/stack, where time, randomness and
// bytes are arguments. The ES2022 library still knows Date and Math.random: these overloads, which come first,
// give them a type that no number fits. Included by those rooms' tsconfig.json only; it is never published.

interface ForbiddenHere {
  readonly timeAndRandomnessAreArguments: unique symbol;
}

interface DateConstructor {
  new (...values: unknown[]): ForbiddenHere;
  (...values: unknown[]): ForbiddenHere;
  now(): ForbiddenHere;
  parse(text: string): ForbiddenHere;
}

interface Math {
  random(): ForbiddenHere;
}
