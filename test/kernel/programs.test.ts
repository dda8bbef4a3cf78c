// Real programs against this stack, in both directions: it is what they dial, and it dials what they serve.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromSocket, nodeNetwork } from "../../src/adapters/node/index.ts";
import { pipe } from "../../src/core/net/index.ts";
import { fetchOver, serve } from "../../src/http/index.ts";
import { run } from "../runtimes/index.ts";
import { which } from "./requirements.ts";
import { kernels, ours, Rig } from "./rig.ts";

const peer = fileURLToPath(new URL("peer.mjs", import.meta.url));

describe("Programs", () => {
  let rig: Rig;
  let folder: string;
  const servers: Server[] = [];
  beforeAll(async () => {
    rig = await Rig.create();
    folder = mkdtempSync(join(tmpdir(), "fourtuple-kernel-"));
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await rig.close();
    rmSync(folder, { recursive: true });
  });

  /** A port of our stack whose connections go on to a port of this machine. */
  async function forwardIn(port: number, to: number): Promise<void> {
    const listener = await rig.network.bind(`:${port}`);
    void (async () => {
      for await (const stream of listener) {
        void nodeNetwork.connect(`127.0.0.1:${to}`).then((local) => pipe(stream, local), stream.abort);
      }
    })().catch(() => {});
  }

  /** A port of this machine whose connections our stack makes to a port in the namespace. */
  async function forwardOut(port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const local = fromSocket(socket);
      void rig.network.connect(`${kernels.v4}:${port}`).then((stream) => pipe(local, stream), local.abort);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  it("curl gets and puts 10 MB over IPv4 and IPv6", async (context) => {
    if (which("curl") === null) context.skip("curl is not installed");
    const listener = await rig.network.bind(":80");
    const body = new Uint8Array(10_000_000).map((_, at) => (at * 31) & 255);
    void serve(listener, async (request) =>
      request.method === "PUT"
        ? new Response(`${(await request.arrayBuffer()).byteLength}`)
        : new Response(body),
    );
    const file = join(folder, "body");
    writeFileSync(file, body);
    for (const host of [ours.v4, `[${ours.v6}]`]) {
      const got = await rig.namespace.run("curl", ["-sS", `http://${host}/`]);
      expect([host, got.code, got.stdout.equals(body)]).toEqual([host, 0, true]);
      const put = await rig.namespace.run("curl", ["-sS", "-T", file, `http://${host}/`]);
      expect([host, put.code, String(put.stdout)]).toEqual([host, 0, "10000000"]);
    }
    listener.close();
  });

  it("an HTTP server of the kernel's side is fetched from", async () => {
    const server = rig.namespace.start(process.execPath, [peer, "http", "8000"]);
    await server.until(/ready/);
    const fetch = fetchOver(rig.network);
    const response = await fetch(`http://${kernels.v4}:8000/`);
    expect([response.status, await response.text()]).toEqual([200, "hello from the kernel\n"]);
  });

  it("nc sends and receives, and each end learns of the other's", async (context) => {
    if (which("nc") === null) context.skip("nc is not installed");
    const text = "a line of text\n".repeat(100_000);
    const listener = await rig.network.bind(":4000");
    const client = rig.namespace.start("nc", ["-N", ours.v4, "4000"], text);
    const [stream] = await listener.accept();
    const received = new TextDecoder().decode(await stream.readToEnd());
    await stream.writeAll(new TextEncoder().encode("thanks\n"));
    await stream.close();
    expect([received === text, String((await client.over).stdout)]).toEqual([true, "thanks\n"]);

    const server = rig.namespace.start("nc", ["-N", "-l", kernels.v4, "4001"], text);
    let dialled = null;
    for (let attempt = 0; dialled === null && attempt < 100; attempt++) {
      dialled = await rig.network.connect(`${kernels.v4}:4001`).catch(() => null);
      if (dialled === null) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (dialled === null) throw new Error("nc does not listen");
    // nc stops sending when the other end has stopped, so it goes first.
    expect(new TextDecoder().decode(await dialled.readToEnd()) === text).toBe(true);
    await dialled.writeAll(new TextEncoder().encode("hello\n"));
    await dialled.closeWrite();
    expect(String((await server.over).stdout)).toBe("hello\n");
    await dialled.close();
  });

  it("iperf3 measures in all four directions", async (context) => {
    if (which("iperf3") === null) context.skip("iperf3 is not installed");
    const local = spawn("iperf3", ["-s", "-B", "127.0.0.1", "-p", "5301"], { stdio: "ignore" });
    const remote = rig.namespace.start("iperf3", ["-s", "-p", "5302"]);
    try {
      await reachable(5301);
      await forwardIn(5201, 5301);
      const port = await forwardOut(5302);
      const much = ["-n", "64M", "-J"];
      for (const direction of [[], ["-R"]]) {
        const inward = ["-c", ours.v4, ...much, ...direction];
        const outward = ["-c", "127.0.0.1", "-p", `${port}`, ...much, ...direction];
        const from = await measured(async () => String((await rig.namespace.run("iperf3", inward)).stdout));
        const to = await measured(async () => (await run("iperf3", outward)).stdout);
        expect([direction, from >= 64e6, to >= 64e6]).toEqual([direction, true, true]);
      }
    } finally {
      local.kill();
      remote.child.kill();
    }
  });

  it("ssh logs in and copies, over this stack at either end", async (context) => {
    const sshd = which("sshd");
    if (sshd === null || which("ssh") === null) return context.skip("ssh or sshd is not installed");
    for (const key of ["host", "user"]) {
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, key)]);
    }
    writeFileSync(join(folder, "authorized"), readFileSync(join(folder, "user.pub")));
    chmodSync(join(folder, "authorized"), 0o600);
    writeFileSync(
      join(folder, "sshd_config"),
      [
        `HostKey ${join(folder, "host")}`,
        `AuthorizedKeysFile ${join(folder, "authorized")}`,
        "PidFile none",
        "PasswordAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin prohibit-password",
        "PermitUserEnvironment no",
      ].join("\n"),
    );
    await run("mkdir", ["-p", "/run/sshd"]);
    const serve = ["-D", "-e", "-f", join(folder, "sshd_config")];
    const options = [
      "-i",
      join(folder, "user"),
      "-o",
      "StrictHostKeyChecking=no",
      "-o",
      "UserKnownHostsFile=/dev/null",
    ];
    const command = ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "cat; echo done"];
    const text = "over ssh\n".repeat(50_000);
    const local = spawn(sshd, [...serve, "-p", "5022", "-o", "ListenAddress=127.0.0.1"], { stdio: "ignore" });
    const remote = rig.namespace.start(sshd, [...serve, "-p", "5023"]);
    try {
      await reachable(5022);
      await forwardIn(22, 5022);
      const inside = await rig.namespace.run("ssh", [...options, ours.v4, ...command], text);
      expect([inside.stderr, inside.code, String(inside.stdout) === `${text}done\n`]).toEqual(["", 0, true]);
      await remote.until(/listening/);
      const port = await forwardOut(5023);
      const outside = await run("ssh", [...options, "-p", `${port}`, "127.0.0.1", ...command], {
        input: text,
      });
      expect([outside.stderr, outside.code, outside.stdout === `${text}done\n`]).toEqual(["", 0, true]);
    } finally {
      local.kill();
      remote.child.kill();
    }
  });
});

/**
 * Bytes that iperf3 sent or, the other way round, received: what is in buffers when it ends counts for neither. Its
 * server may be busy still with the measurement before.
 */
async function measured(iperf: () => Promise<string>): Promise<number> {
  let json = "";
  for (let attempt = 0; attempt < 20; attempt++) {
    json = await iperf();
    const { end } = JSON.parse(json) as {
      readonly end: { readonly [Name in "sum_sent" | "sum_received"]?: { readonly bytes: number } };
    };
    if (end.sum_sent !== undefined) return Math.max(end.sum_sent.bytes, end.sum_received?.bytes ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`iperf3 measured nothing: ${json}`);
}

/** Waits until something listens on a port of this machine. */
async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("connect", () => socket.destroy());
      socket.on("error", () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing listens on port ${port}`);
}
