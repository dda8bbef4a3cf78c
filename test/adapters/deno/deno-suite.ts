// What Deno's sockets add to the contract. Deno's own node:net is the other side: it can reset.

import { denoNetwork } from "../../../src/adapters/deno/index.ts";
import { nodeNetwork } from "../../../src/adapters/node/index.ts";
import type { TcpStream } from "../../../src/core/net/index.ts";
import { bytesEqual, equal, ok, rejectsWith } from "../../contract/assert.ts";
import type { Runner } from "../../contract/runner.ts";
import { pattern, readBytes, settle } from "../../contract/world.ts";

export function denoSuite({ test }: Runner): void {
  test("bytes before the peer's reset are read, then ECONNRESET, on a dialled stream", () =>
    withPair("deno dials", async (deno, other) => {
      await sendAndReset(other);
      await readThenReset(deno);
    }));

  test("bytes before the peer's reset are read, then ECONNRESET, on an accepted stream", () =>
    withPair("deno accepts", async (deno, other) => {
      await sendAndReset(other);
      await readThenReset(deno);
    }));

  test("a stream that nobody reads is told of a reset by closed", () =>
    withPair("deno dials", async (deno, other) => {
      other.abort();
      await rejectsWith(deno.closed, "ECONNRESET", "closed");
    }));

  test("what came before a reset can be read although writing has failed first", () =>
    withPair("deno dials", async (deno, other) => {
      // More than is read ahead, so that the kernel holds some of it when the reset comes; no more than it can hold.
      const sent = pattern(120_000);
      await other.writeAll(sent);
      await other.flush();
      await settle(50);
      other.abort();
      await settle(50);
      const failed = await (async () => {
        for (let round = 0; round < 100; round += 1) {
          try {
            await deno.write(pattern(10));
          } catch (error) {
            return (error as { code: string }).code;
          }
          await settle(5);
        }
        return "nothing";
      })();
      ok(failed === "EPIPE" || failed === "ECONNRESET", `the write failed with ${failed}`);
      bytesEqual(await readBytes(deno, sent.length), sent, "bytes before the reset");
      await rejectsWith(deno.read(new Uint8Array(1)), "ECONNRESET", "read", "read");
    }));

  test("what was not sent is bounded by writeBufferSize beyond what the kernel takes", async () => {
    const listener = await nodeNetwork.bind("127.0.0.1:0");
    const deno = await denoNetwork.connect(listener.localAddr, { writeBufferSize: 100_000 });
    let error: unknown;
    while (error === undefined) {
      await deno.write(new Uint8Array(30_000), { timeout: 200 }).catch((reason: unknown) => {
        error = reason;
      });
    }
    const { notSent = 0 } = deno.info();
    ok(notSent > 0 && notSent <= 100_000, `${notSent} bytes are held`);
    deno.abort();
    await listener.close();
  });

  test("what Deno cannot do is refused with ENOTSUP, not ignored", async () => {
    await rejectsWith(
      denoNetwork.connect("127.0.0.1:1", { localAddr: "127.0.0.1:0" }),
      "ENOTSUP",
      "localAddr",
    );
    await rejectsWith(denoNetwork.bind("[::1]:0", { ipv6Only: true }), "ENOTSUP", "ipv6Only");
  });

  test("a name is looked up and its addresses are tried", async () => {
    const listener = await denoNetwork.bind("127.0.0.1:0");
    const stream = await denoNetwork.connect({ hostname: "localhost", port: listener.localAddr.port });
    equal(stream.peerAddr.toString(), listener.localAddr.toString(), "the peer");
    await stream.close();
    await listener.close();
  });

  test("a name that does not exist is told as such", async () => {
    await rejectsWith(
      denoNetwork.connect("name.invalid:80"),
      ["ENOTFOUND", "EAI_AGAIN"],
      "connect",
      "connect",
    );
  });

  test("a foreign address cannot be bound: EADDRNOTAVAIL", async () => {
    await rejectsWith(denoNetwork.bind("203.0.113.1:0"), "EADDRNOTAVAIL", "bind", "bind");
  });

  test("reusePort, which needs a flag, is refused without it", async () => {
    const { Deno } = globalThis as unknown as { Deno: { listenDatagram?: unknown } };
    equal(Deno.listenDatagram, undefined, "--unstable-net");
    await rejectsWith(denoNetwork.bind("127.0.0.1:0", { reusePort: true }), "ENOTSUP", "bind", "bind");
  });
}

async function withPair(
  how: "deno dials" | "deno accepts",
  body: (deno: TcpStream, other: TcpStream) => Promise<void>,
): Promise<void> {
  const [dialling, accepting] =
    how === "deno dials" ? [denoNetwork, nodeNetwork] : [nodeNetwork, denoNetwork];
  const listener = await accepting.bind("127.0.0.1:0");
  const [dialled, [accepted]] = await Promise.all([dialling.connect(listener.localAddr), listener.accept()]);
  const [deno, other] = how === "deno dials" ? [dialled, accepted] : [accepted, dialled];
  try {
    await body(deno, other);
  } finally {
    deno.abort();
    other.abort();
    await listener.close();
  }
}

async function sendAndReset(stream: TcpStream): Promise<void> {
  await stream.writeAll(pattern(1_000));
  await stream.flush();
  await settle(20);
  stream.abort();
}

async function readThenReset(stream: TcpStream): Promise<void> {
  bytesEqual(await readBytes(stream, 1_000), pattern(1_000), "bytes before the reset");
  await rejectsWith(stream.read(new Uint8Array(1)), "ECONNRESET", "read", "read");
}
