// Contract: pipe() between two connections, as a relay uses it.

import { pipe, type TcpStream } from "../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { type Place, pattern, readBytes, settle } from "./world.ts";

export function piping({ test, limits }: Chapter): void {
  test("pipe copies both ways, passes half closes on and counts", async (place) => {
    const { near, far, left, right } = await chain(place);
    const piped = pipe(left, right);
    const question = pattern(300_000, 1);
    const answer = pattern(400_000, 2);
    const asking = near.writeAll(question).then(() => near.closeWrite());
    bytesEqual(await far.readToEnd(), question, "the question");
    const answering = far.writeAll(answer).then(() => far.closeWrite());
    bytesEqual(await near.readToEnd(), answer, "the answer, after the half close");
    await Promise.all([asking, answering]);
    const { aToB, bToA, error } = await piped;
    equal(error, null, "error");
    equal(aToB, question.length, "bytes one way");
    equal(bToA, answer.length, "bytes the other way");
    await Promise.all([left.closed, right.closed]);
  });

  test("pipe owns its streams while it runs", async (place) => {
    const { left, right } = await chain(place);
    void pipe(left, right);
    for (const work of [left.read(new Uint8Array(1)), right.write(pattern(1)), pipe(left, right)]) {
      ok((await rejection(work, "a call on a piped stream")) instanceof TypeError, "a TypeError");
    }
  });

  test(
    "pipe passes a reset on, after the bytes before it",
    async (place) => {
      const { near, far, left, right } = await chain(place);
      const piped = pipe(left, right);
      await near.writeAll(pattern(5_000));
      // The bytes are past the pipe before the reset is sent.
      await far.peek(new Uint8Array(1));
      bytesEqual(await readBytes(far, 5_000), pattern(5_000), "bytes before the reset");
      near.abort();
      await rejectsWith(far.read(new Uint8Array(1)), "ECONNRESET", "the far end", "read");
      const { error, aToB } = await piped;
      equal(error?.code, "ECONNRESET", "error");
      equal(aToB, 5_000, "bytes one way");
    },
    "reset",
  );

  test(
    "pipe passes a reset of the far end back",
    async (place) => {
      const { near, far, left, right } = await chain(place);
      const piped = pipe(left, right);
      await settle(5);
      far.abort();
      await rejectsWith(near.read(new Uint8Array(1)), "ECONNRESET", "the near end", "read");
      ok((await piped).error !== null, "an error");
    },
    "reset",
  );

  test(
    "pipe is as slow as the slower side",
    async (place) => {
      const { near, far, left, right } = await chain(place);
      void pipe(left, right);
      const block = new Uint8Array(65_536);
      let sent = 0;
      while (sent <= 2 * limits.buffered) {
        const count = await near.write(block, { timeout: 300 }).catch(() => 0);
        if (count === 0) break;
        sent += count;
      }
      ok(sent <= 2 * limits.buffered, `the writer was stopped, after ${sent} bytes`);
      await readBytes(far, sent);
    },
    "backpressure",
  );

  test(
    "an aborted pipe resets both sides and rejects with the reason",
    async (place) => {
      const { near, far, left, right } = await chain(place);
      const controller = new AbortController();
      const piped = rejection(pipe(left, right, { signal: controller.signal }), "pipe");
      await settle(5);
      controller.abort("enough");
      equal(await piped, "enough", "reason");
      await rejectsWith(near.read(new Uint8Array(1)), "ECONNRESET", "the near end", "read");
      await rejectsWith(far.read(new Uint8Array(1)), "ECONNRESET", "the far end", "read");
    },
    "reset",
  );
}

/** near <-> left, right <-> far: to be piped in the middle. */
async function chain(
  place: Place,
): Promise<{ near: TcpStream; left: TcpStream; right: TcpStream; far: TcpStream }> {
  const [first, second] = await Promise.all([place.connect(), place.connect()]);
  return { near: first.client, left: first.server, right: second.client, far: second.server };
}
