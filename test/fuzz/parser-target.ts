// Bytes into the parsers of core/wire and into the frame readers of core/link, which have to agree with each other.

import { FrameReader, type FrameSink, readFrames } from "../../src/core/link/index.ts";
import { checkInput, InputRandom, makeInput, newTally } from "../core/wire/bad-inputs.ts";
import type { FuzzTarget } from "./target.ts";

const INPUTS = 2_000;

export const parserTarget: FuzzTarget = {
  name: "parser",
  about: "random, mutated and spliced packets into the parsers of packets, segments, ICMP and frames",
  run(seed) {
    const random = new InputRandom(seed);
    const tally = newTally();
    const around = new Uint8Array(1_024);
    for (let turn = 0; turn < INPUTS; turn++) {
      const input = makeInput(random);
      const at = random.below(8);
      around.set(input, at);
      checkInput(around, at, at + input.length, random.below(2) === 0, tally);
      if (turn % 8 === 0) checkFrames(random);
    }
    return INPUTS;
  },
};

/** A message of frames is cut into the same frames whole and in pieces, up to what is refused. */
function checkFrames(random: InputRandom): void {
  const parts: number[] = [];
  for (let count = random.below(5); count >= 0; count--) {
    if (random.below(2) === 0) parts.push(...makeInput(random));
    else {
      const length = random.below(40);
      parts.push(random.below(8) === 0 ? 1 : 0, random.below(50), 0, length);
      for (let at = 0; at < length; at++) parts.push(random.below(256));
    }
  }
  const message = Uint8Array.from(parts);
  const whole: string[] = [];
  const refused = readFrames(message.slice(), sinkInto(whole));
  const pieces: string[] = [];
  const reader = new FrameReader(sinkInto(pieces));
  let stopped: string | null = null;
  for (let at = 0; at < message.length && stopped === null; ) {
    const end = Math.min(message.length, at + 1 + random.below(60));
    stopped = reader.push(message.slice(at, end));
    at = end;
  }
  if (pieces.join() !== whole.join())
    throw new Error(`${whole.length} frames whole, ${pieces.length} in pieces`);
  // A stream may go on where a message may not end.
  if (stopped !== null && stopped !== refused) throw new Error(`Refused for "${refused}" and "${stopped}"`);
}

function sinkInto(frames: string[]): FrameSink {
  return {
    packet: (bytes, start, end) => void frames.push(`packet ${hash(bytes, start, end)}`),
    control: (type, bytes, start, end) => {
      frames.push(`control ${type} ${hash(bytes, start, end)}`);
      return null;
    },
  };
}

function hash(bytes: Uint8Array, start: number, end: number): string {
  let value = 0x811c_9dc5;
  for (let at = start; at < end; at++) value = Math.imul(value ^ bytes[at], 0x0100_0193);
  return `${end - start}:${value >>> 0}`;
}
