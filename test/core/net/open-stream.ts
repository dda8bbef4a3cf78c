// A stream over a scripted source, and what a promise rejects with.

import { expect } from "vitest";
import { type NetError, TcpStream } from "../../../src/core/net/index.ts";
import { ScriptedSource } from "./scripted-source.ts";

export function open(): { source: ScriptedSource; stream: TcpStream } {
  const source = new ScriptedSource();
  return { source, stream: TcpStream.over(source) };
}

export function rejected(work: Promise<unknown>): Promise<NetError> {
  return work.then(
    () => expect.fail("It resolved"),
    (error: unknown) => error as NetError,
  );
}
