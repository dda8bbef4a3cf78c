import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { atEnd, file, fourtuple, relay, start, tcpServer } from "./program.ts";

const hash = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");
/** A relay that a restart does not make forget its sessions. */
async function relayWithKey(): Promise<{ port: number; start(): Promise<void>; stop(): Promise<unknown> }> {
  const key = file(`${"ab".repeat(32)}\n`);
  const first = await relay("--key-file", key);
  const { host, port } = new URL(first.url);
  let { program } = first;
  return {
    port: Number(port),
    async start() {
      program = start(["relay", "--listen", host, "--key-file", key]);
      await program.until(/listening at/);
    },
    stop() {
      program.child.kill("SIGKILL");
      return program.over;
    },
  };
}

const TOKEN = "a-token-of-32-characters-or-more";

describe("fourtuple cat", () => {
  test("sends megabytes, half-closes, and reads the answer that follows, byte for byte", async () => {
    const received = createHash("sha256");
    const answer = randomBytes(3_000_000);
    const port = await tcpServer((socket) => {
      socket.on("data", (chunk) => received.update(chunk));
      // Only after the FIN, so that a half close that is none would hang.
      socket.on("end", () => socket.end(answer));
    });
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const data = randomBytes(3_000_000);
    const outcome = await fourtuple(["cat", `127.0.0.1:${port}`, "--relay", url], { input: data });
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(hash(Buffer.from(outcome.stdout, "latin1"))).toBe(hash(answer));
    expect(received.digest("hex")).toBe(hash(data));
  });

  test("ends standard output at the FIN of the other side and sends on", async () => {
    const received: string[] = [];
    let ended: Promise<unknown> | undefined;
    const port = await tcpServer((socket) => {
      socket.setEncoding("latin1").on("data", (text: string) => received.push(text));
      ended = once(socket, "end");
      socket.end("bye");
    });
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`], { FOURTUPLE_RELAY: url });
    await once(program.child.stdout, "end");
    expect(program.stdout).toBe("bye");
    program.child.stdin.end("still here");
    await ended;
    expect(received.join("")).toBe("still here");
    expect((await program.over).code).toBe(0);
  });

  test("is slowed by a slow reader of standard output", async () => {
    let sent = 0;
    const port = await tcpServer((socket) => {
      const piece = Buffer.alloc(65_536);
      const push = (): void => {
        while (sent < 64_000_000) {
          sent += piece.length;
          if (!socket.write(piece)) {
            socket.once("drain", push);
            return;
          }
        }
        socket.end();
      };
      push();
    });
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    program.child.stdin.end();
    await program.until(/\0/);
    program.child.stdout.pause();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(sent).toBeLessThan(40_000_000);
    program.child.stdout.resume();
    const outcome = await program.over;
    expect([outcome.code, outcome.stdout.length]).toEqual([0, sent]);
  });

  test("shows the token it is given: by environment, by file, by argument with a warning", async () => {
    const port = await tcpServer((socket) => socket.end("welcome"));
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`, "--token-file", file(`${TOKEN} alice\n`));
    const cat = ["cat", `127.0.0.1:${port}`, "--relay", url];
    expect(await fourtuple(cat, { env: { FOURTUPLE_TOKEN: TOKEN } })).toMatchObject({
      code: 0,
      stdout: "welcome",
      stderr: "",
    });
    const byFile = await fourtuple([...cat, "--token-file", file(`# mine\n\n${TOKEN}\n`)]);
    expect(byFile).toMatchObject({ code: 0, stdout: "welcome", stderr: "" });
    const byArgument = await fourtuple([...cat, "--token", TOKEN]);
    expect(byArgument).toMatchObject({ code: 0, stdout: "welcome" });
    expect(byArgument.stderr).toContain("use FOURTUPLE_TOKEN or --token-file");
    expect(byArgument.stderr).not.toContain(TOKEN);
  });

  test("fails with 4 without a token, with a wrong one, and where no rule allows", async () => {
    const port = await tcpServer((socket) => socket.end("welcome"));
    const { url, program } = await relay("--token-file", file(`${TOKEN} alice\n`));
    const cat = ["cat", `127.0.0.1:${port}`, "--relay", url];
    for (const env of [{}, { FOURTUPLE_TOKEN: "another-token-of-32-characters-x" }]) {
      const outcome = await fourtuple(cat, { env });
      expect(outcome).toMatchObject({ code: 4, stdout: "" });
      expect(outcome.stderr).toMatch(/^fourtuple: Cannot open a tunnel: .*token/);
      expect(outcome.stderr).toContain("FOURTUPLE_TOKEN");
      expect(outcome.stderr).not.toContain("{ token }");
    }
    const denied = await fourtuple(cat, { env: { FOURTUPLE_TOKEN: TOKEN } });
    expect(denied).toMatchObject({ code: 4, stdout: "" });
    expect(denied.stderr).toMatch(/--allow tcp:HOST:PORT/);
    expect(program.stderr).not.toContain(TOKEN);
    expect(program.stderr).not.toContain("another-token");
  });

  test("fails with 5 where the destination is not there", async () => {
    const { url } = await relay("--allow", "tcp:127.0.0.1:*");
    const refused = await fourtuple(["cat", "127.0.0.1:1", "--relay", url]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toBe("fourtuple: Cannot connect to 127.0.0.1:1: connection refused\n");
    const nobody = await fourtuple(["cat", "nobody.peer:7000", "--relay", url]);
    expect(nobody.code).toBe(5);
    expect(nobody.stderr).toContain("nobody.peer");
  });

  test("fails with 3 where no relay is", async () => {
    const outcome = await fourtuple(["cat", "127.0.0.1:1", "--relay", "ws://127.0.0.1:1/"]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toMatch(/^fourtuple: Cannot connect to .*ws:\/\/127\.0\.0\.1:1\/.*refused/);
    expect(outcome.stderr).toContain("start a relay with: fourtuple relay");
  });

  test("fails with 3 at a relay that speaks no TLS, and says which URL to write", async () => {
    const { url } = await relay();
    const outcome = await fourtuple(["cat", "127.0.0.1:1", "--relay", url.replace("ws:", "wss:")]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toMatch(
      /^fourtuple: Cannot connect to the relay at wss:\S+: no TLS there: use ws:\/\/\n/,
    );
  });

  test("fails with 3 where something else answers", async () => {
    const server = createServer((_request, response) => response.writeHead(404).end("no relay"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(() => server.close());
    const { port } = server.address() as AddressInfo;
    const outcome = await fourtuple(["cat", "127.0.0.1:1", "--relay", `ws://127.0.0.1:${port}/`]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toMatch(/^fourtuple: /);
  });

  test("fails with 1 when the connection is reset", async () => {
    const port = await tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    program.child.stdin.write("x");
    const outcome = await program.over;
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^fourtuple: Cannot (read from|write to) .*reset by peer\n$/);
  });

  test("fails with 1 when the relay goes away for good", async () => {
    const port = await tcpServer((socket) => void socket.write("hello"));
    const { url, program: server } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    await program.until(/hello/);
    server.child.kill("SIGTERM");
    const outcome = await program.over;
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^fourtuple: /);
  });

  test("says when the relay is away and when it is back, and the connection goes on", async () => {
    const { start: again, stop, port } = await relayWithKey();
    const served = await tcpServer((socket) => void socket.pipe(socket));
    const url = `ws://127.0.0.1:${port}/`;
    const exposed = start(["expose", String(served), "--name", "app", "--relay", url]);
    await exposed.until(/reached at app\.peer/);
    const program = start(["cat", `app.peer:${served}`, "--relay", url]);
    program.child.stdin.write("before;");
    await program.until(/before;/);
    await stop();
    await program.until(/fourtuple: The link to ws:\S+ was lost .*waiting for it to come back\n/);
    await again();
    await program.until(/fourtuple: The link to ws:\S+ is back after \d+\.\d s/);
    program.child.stdin.end("after");
    const outcome = await program.over;
    expect(outcome).toMatchObject({ code: 0, stdout: "before;after" });
    expect(outcome.stderr.split("\n")).toHaveLength(3);
  });

  test("names the relay and what it met when that does not come back", async () => {
    const port = await tcpServer((socket) => void socket.write("hello"));
    const { url, program: server } = await relay("--allow", `tcp:127.0.0.1:${port}`, "--grace", "0.2");
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    await program.until(/hello/);
    server.child.kill("SIGKILL");
    const outcome = await program.over;
    expect(outcome.code).toBe(1);
    const [lost, last] = outcome.stderr.trim().split("\n");
    expect(lost).toMatch(/^fourtuple: The link to ws:.* was lost .*waiting/);
    expect(last).toMatch(
      /^fourtuple: The tunnel to ws:\S+ has ended: no relay could be reached .*connection refused/,
    );
    expect(last).toContain(url);
  }, 30_000);

  test("has one budget of time for the relay and the destination: -w", async () => {
    // It takes connections and says nothing, as a relay that hangs.
    const silent = await tcpServer(() => {});
    const outcome = await fourtuple([
      "cat",
      "127.0.0.1:1",
      "-w",
      "0.3",
      "--relay",
      `ws://127.0.0.1:${silent}/`,
    ]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toMatch(/did not answer within 300 ms/);
  });

  test("ends with 130 by SIGINT and resets the connection", async () => {
    let how: Promise<unknown> | undefined;
    const port = await tcpServer((socket) => {
      how = new Promise((resolve) => socket.on("close", resolve));
      socket.on("end", () => socket.end());
      socket.resume().write("hello");
    });
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    await program.until(/hello/);
    program.child.kill("SIGINT");
    expect(await program.over).toMatchObject({ code: 130, stderr: "" });
    await how;
  });

  test("ends with 141 when nobody reads standard output any more", async () => {
    const port = await tcpServer((socket) => {
      const timer = setInterval(() => socket.write("again\n"), 10);
      socket.on("close", () => clearInterval(timer));
    });
    const { url } = await relay("--allow", `tcp:127.0.0.1:${port}`);
    const program = start(["cat", `127.0.0.1:${port}`, "--relay", url]);
    await program.until(/again/);
    program.child.stdout.destroy();
    expect(await program.over).toMatchObject({ code: 141, stderr: "" });
  });
});
