// The assertions of the contract suite. Of its own, so that it runs where no test framework does.

import { NetError } from "../../src/core/net/index.ts";

export function fail(message: string): never {
  throw new Error(message);
}

export function ok(condition: unknown, message: string): asserts condition {
  if (!condition) fail(message);
}

export function equal<Value>(actual: Value, expected: Value, what: string): void {
  if (!Object.is(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

export function bytesEqual(actual: Uint8Array | null, expected: Uint8Array, what: string): void {
  if (actual === null) fail(`${what}: expected ${expected.length} bytes, got the end of the stream`);
  equal(actual.length, expected.length, `${what}: length`);
  for (let index = 0; index < expected.length; index++) {
    if (actual[index] !== expected[index])
      fail(`${what}: byte ${index} is ${actual[index]}, not ${expected[index]}`);
  }
}

/** The rejection must be a NetError of one of these codes, with a message and, if given, this operation. */
export async function rejectsWith(
  work: Promise<unknown>,
  codes: string | readonly string[],
  what: string,
  op?: string,
): Promise<NetError> {
  const error = await rejection(work, what);
  if (!NetError.is(error)) fail(`${what}: expected a NetError ${codes}, got ${show(error)}`);
  const wanted = typeof codes === "string" ? [codes] : codes;
  ok(
    wanted.includes(error.code),
    `${what}: expected ${wanted.join(" or ")}, got ${error.code} (${error.message})`,
  );
  ok(/^[A-Z].{8,}[^.]$/s.test(error.message), `${what}: a poor message, "${error.message}"`);
  if (op !== undefined) equal(error.op, op, `${what}: op`);
  return error;
}

/** What the promise rejects with. */
export async function rejection(work: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error;
  }
  return fail(`${what}: expected a rejection, got ${show(value)}`);
}

export function throws<Kind extends Error>(
  kind: new (...args: never[]) => Kind,
  task: () => unknown,
  what: string,
): Kind {
  try {
    task();
  } catch (error) {
    if (error instanceof kind) return error;
    fail(`${what}: expected a ${kind.name}, got ${show(error)}`);
  }
  return fail(`${what}: expected a ${kind.name}, got none`);
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
