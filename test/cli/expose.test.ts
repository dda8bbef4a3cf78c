import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { atEnd, fourtuple, relay, start, tcpServer } from "./program.ts";

const hasIpv6Loopback = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === "::1"),
);

async function webServer(): Promise<{ port: number; close: () => Promise<unknown> }> {
  const server = createServer((request, response) => response.end(`you asked for ${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<unknown> =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  atEnd(close);
  return { port: (server.address() as AddressInfo).port, close };
}

describe("fourtuple expose", () => {
  test("lets peers and plain TCP reach a local service, and says where", async () => {
    const { port } = await webServer();
    const { url } = await relay();
    const exposed = start(["expose", String(port), "--name", "app", "--publish", ":0", "--relay", url]);
    const [, published] = await exposed.until(/plain TCP at the relay, (127\.0\.0\.1:\d+)\n/);
    expect(exposed.stdout).toContain(`localhost:${port} can be reached at app.peer:${port}\n`);
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await fetch(`http://${published}/${index}`)).text()),
    );
    expect(answers).toEqual(answers.map((_, index) => `you asked for /${index}`));
    const peer = await fourtuple(["cat", `app.peer:${port}`, "--relay", url], {
      input: "GET /peer HTTP/1.0\r\n\r\n",
    });
    expect(peer).toMatchObject({ code: 0, stderr: "" });
    expect(peer.stdout).toMatch(/you asked for \/peer$/);
    exposed.child.kill("SIGTERM");
    expect(await exposed.over).toMatchObject({ code: 0, signal: null });
    await expect(fetch(`http://${published}/`)).rejects.toThrow();
  });

  test("passes half closes on, both ways", async () => {
    const port = await tcpServer((socket) => {
      let text = "";
      socket.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      socket.on("end", () => socket.end(`got ${text}`));
    });
    const { url } = await relay();
    const exposed = start(["expose", `127.0.0.1:${port}`, "--name", "app", "--port", "9000", "--relay", url]);
    await exposed.until(/app\.peer:9000\n/);
    const outcome = await fourtuple(["cat", "app.peer:9000", "--relay", url], { input: "request" });
    expect(outcome).toMatchObject({ code: 0, stdout: "got request" });
  });

  test("resets connections while the service is not there, and passes them on when it is back", async () => {
    const first = await webServer();
    const { url } = await relay();
    const exposed = start(["expose", String(first.port), "--publish", ":0", "--relay", url]);
    const [, published = ""] = await exposed.until(/the relay, 127\.0\.0\.1:(\d+)\n/);
    await first.close();
    const socket = connect(Number(published), "127.0.0.1").resume();
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.on("error", resolve));
    expect(error.code).toBe("ECONNRESET");
    await exposed.until(/service-unreachable .*connection refused/);
    const again = createServer((_request, response) => response.end("back"));
    await new Promise<void>((resolve) => again.listen(first.port, "127.0.0.1", resolve));
    atEnd(() => new Promise((resolve) => again.close(resolve)));
    expect(await (await fetch(`http://127.0.0.1:${published}/`)).text()).toBe("back");
  });

  test("warns once at the start when nothing answers at the service, on either loopback", async () => {
    const { url } = await relay();
    const gone = await webServer();
    await gone.close();
    const exposed = start(["expose", String(gone.port), "--name", "app", "--relay", url]);
    await exposed.until(
      /service-unreachable text="Cannot connect to 127\.0\.0\.1:\d+ or \[::1\]:\d+: connection refused; connections are reset/,
    );
    const { port } = await webServer();
    const there = start(["expose", `127.0.0.1:${port}`, "--name", "there", "--relay", url]);
    await there.until(/127\.0\.0\.1:\d+ can be reached/);
    await fourtuple(["cat", `there.peer:${port}`, "--relay", url], { input: "GET / HTTP/1.0\r\n\r\n" });
    there.child.kill("SIGTERM");
    exposed.child.kill("SIGTERM");
    expect((await there.over).stderr).not.toContain("service-unreachable");
    expect((await exposed.over).stderr.match(/service-unreachable/g)).toHaveLength(1);
  });

  const withIpv6 = test.skipIf(!hasIpv6Loopback); // this machine has no ::1
  withIpv6("reaches a port that only ::1 has (skipped without IPv6 on the loopback)", async () => {
    const server = createServer((_request, response) => response.end("by IPv6"));
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    atEnd(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { url } = await relay();
    const exposed = start(["expose", String(port), "--name", "six", "--relay", url]);
    await exposed.until(/reached at six/);
    const outcome = await fourtuple(["cat", `six.peer:${port}`, "--relay", url], {
      input: "GET / HTTP/1.0\r\n\r\n",
    });
    expect(outcome.stdout).toMatch(/by IPv6$/);
    exposed.child.kill("SIGTERM");
    expect((await exposed.over).stderr).not.toContain("service-unreachable");
  });

  test("opens the tunnel again, under the same name, when the relay was away", async () => {
    const { port } = await webServer();
    const { url, program } = await relay();
    const exposed = start(["expose", String(port), "--relay", url]);
    const [, name = ""] = await exposed.until(/reached at (\S+)\.peer/);
    program.child.kill("SIGKILL");
    await program.over;
    await exposed.until(/link-lost/);
    const listen = new URL(url).host;
    const second = start(["relay", "--listen", listen]);
    await second.until(/listening at/);
    // Without its key the relay does not know the session any more.
    await exposed.until(/tunnel-lost/);
    await exposed.until(/tunnel-back/);
    const outcome = await fourtuple(["cat", `${name}.peer:${port}`, "--relay", url], {
      input: "GET / HTTP/1.0\r\n\r\n",
    });
    expect(outcome.stdout).toContain("you asked for /");
  });

  test("ends with 6 when a newer one takes its name, and the newer one stays", async () => {
    const port = await tcpServer((socket) => void socket.end("served"));
    const { url, program } = await relay();
    const expose = ["expose", String(port), "--name", "fight", "--relay", url];
    const older = start([...expose, "--publish", ":0"]);
    await older.until(/plain TCP/);
    const newer = start(expose);
    await newer.until(/reached at fight\.peer/);
    const outcome = await older.over;
    expect(outcome).toMatchObject({ code: 6, signal: null });
    expect(outcome.stderr).toContain(
      `fourtuple: The tunnel to ${url} has ended: a newer tunnel has taken the name fight\n` +
        "  Both ran under one name: choose another with --name\n",
    );
    expect(outcome.stderr).not.toContain("tunnel-lost");
    expect((await fourtuple(["cat", `fight.peer:${port}`, "--relay", url])).stdout).toBe("served");
    expect(program.stderr.match(/session-opened name=fight|session-opened .*name=fight/g)).toHaveLength(2);
    expect(newer.stderr).not.toContain("tunnel-lost");
  });

  test("fails with 6 where the published port is taken, with 4 where no rule allows it", async () => {
    const taken = await tcpServer(() => {});
    const { url } = await relay();
    const inUse = await fourtuple(["expose", "1", "--publish", `:${taken}`, "--relay", url]);
    expect(inUse.code).toBe(6);
    expect(inUse.stderr).toMatch(/address already in use\n {2}Choose another port with --publish/);
    const denied = await fourtuple(["expose", "1", "--publish", "0.0.0.0:8080", "--relay", url]);
    expect(denied.code).toBe(4);
    expect(denied.stderr).toContain("fourtuple relay --publish tcp:ADDRESS:PORTS");
  });

  test("fails with 3 where no relay is, at first", async () => {
    const outcome = await fourtuple(["expose", "3000", "--relay", "ws://127.0.0.1:1/"]);
    expect(outcome.code).toBe(3);
  });
});
