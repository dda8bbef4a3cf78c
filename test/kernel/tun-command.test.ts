// fourtuple tun, end to end: a relay, a peer with a tunnel in a process, and this command, all in one namespace; the
// kernel's programs reach the peer through the TUN device, and the peer reaches what listens on the machine.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { load, rootFolder, runtimesFolder } from "../runtimes/index.ts";
import { Namespace, type Running } from "./namespace.ts";
import { which } from "./requirements.ts";

const peer = fileURLToPath(new URL("peer.mjs", import.meta.url));
const relay = ["--relay", "ws://127.0.0.1:8080/"];

describe("fourtuple tun", () => {
  let namespace: Namespace;
  let folder: string;
  let program: string;
  let tun: Running;
  let bob = "";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "fourtuple-tun-"));
    program = join(folder, "cli.mjs");
    await load("esbuild").build({
      entryPoints: [join(rootFolder, "src/cli/index.ts")],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2022",
      external: ["msgpackr-extract", "bufferutil", "utf-8-validate"],
      banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
    });
    writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost");
    namespace = await Namespace.create();
    await start("relay", "--listen", "127.0.0.1:8080").until(/listening/);
    const service = namespace.start(process.execPath, [peer, "echo", "9100"]);
    await service.until(/ready/);
    await start("expose", "9100", "--name", "bob", "--port", "7", ...relay).until(/bob.peer:7/);
    tun = start(
      "tun",
      "--name",
      "alice",
      "--device",
      "over0",
      "--peer",
      "bob",
      "--hosts",
      join(folder, "hosts"),
      ...relay,
    );
    bob = (await tun.until(/^(\S+) bob\.peer$/m))[1];
  });
  afterAll(async () => {
    await namespace.remove();
    rmSync(folder, { recursive: true });
  });

  function start(...parameters: string[]): Running {
    const env = [`NODE_PATH=${join(runtimesFolder, "node_modules")}`, process.execPath];
    return namespace.start("env", [...env, program, ...parameters]);
  }

  it("lets nc of this machine talk to a peer", async (context) => {
    if (which("nc") === null) context.skip("nc is not installed");
    const text = "over the overlay\n".repeat(20_000);
    const { code, stdout } = await namespace.run("nc", ["-N", "-w", "10", bob, "7"], text);
    expect([code, stdout.length, String(stdout) === text]).toEqual([0, text.length, true]);
  });

  it("lets ping of this machine reach a peer, before and after the first connection", async (context) => {
    if (which("ping") === null) context.skip("ping is not installed");
    const { code, stdout } = await namespace.run("ping", ["-c", "5", "-i", "0.05", bob]);
    expect([code, String(stdout)]).toEqual([0, expect.stringContaining("5 received")]);
  });

  it("lets a peer reach what listens on this machine", async () => {
    const service = namespace.start(process.execPath, [peer, "echo", "2222"]);
    await service.until(/ready/);
    const cat = start("cat", "alice.peer:2222", ...relay);
    cat.child.stdin.end("knock knock\n");
    expect(String((await cat.over).stdout)).toBe("knock knock\n");
  });

  it("refuses at once what no peer has: the kernel gets a reset", async (context) => {
    if (which("nc") === null) context.skip("nc is not installed");
    const { code, stderr } = await namespace.run("nc", ["-v", "-w", "10", bob, "8"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("refused")]);
  });

  it("writes names to a hosts file, and takes them and the device away at the end", async () => {
    const hosts = join(folder, "hosts");
    expect(readFileSync(hosts, "utf8")).toMatch(
      new RegExp(`^127.0.0.1 localhost\n# .*begin\n\\S+ alice.peer\n${bob} bob.peer\n# .*end\n$`),
    );
    tun.child.kill("SIGTERM");
    expect((await tun.over).code).toBe(0);
    expect(readFileSync(hosts, "utf8")).toBe("127.0.0.1 localhost\n");
    expect((await namespace.run("ip", ["link", "show", "over0"])).code).toBe(1);
  });
});
