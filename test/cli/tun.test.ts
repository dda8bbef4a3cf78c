// fourtuple tun where it cannot run: what it says before it touches the system. End to end it is in test/kernel.
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HostsFile } from "../../src/cli/hosts-file.ts";
import { file, fourtuple, relay } from "./program.ts";

describe("fourtuple tun", () => {
  test("says that koffi or Linux is missing: exit code 1", async () => {
    const { url } = await relay();
    const outcome = await fourtuple(["tun", "--relay", url], { env: { NODE_PATH: "" } });
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toMatch(process.platform === "linux" ? /npm install koffi/ : /only Linux/);
  });

  test("refuses names that no peer and no interface can have: exit code 2", async () => {
    const { url } = await relay();
    const peer = await fourtuple(["tun", "--relay", url, "--peer", "not_a_name"]);
    expect([peer.code, peer.stderr]).toEqual([2, expect.stringContaining("peer's name")]);
    const device = await fourtuple(["tun", "--relay", url, "--device", "a/b"]);
    expect([device.code, device.stderr]).toEqual([2, expect.stringContaining('TUN device "a/b"')]);
  });
});

describe("Names in a hosts file", () => {
  test("stand between marks, once, and go without what others wrote meanwhile", () => {
    const path = file("127.0.0.1 localhost");
    const hosts = new HostsFile(path);
    hosts.write([{ address: "fd00::1", name: "old.peer" }]);
    hosts.write([{ address: "fd00::2", name: "bob.peer" }]);
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(
      /^127\.0\.0\.1 localhost\n# fourtuple tun \d+: begin\nfd00::2 bob\.peer\n# .*: end\n$/,
    );
    writeFileSync(path, `${text}10.0.0.1 printer\n`);
    hosts.restore();
    expect(readFileSync(path, "utf8")).toBe("127.0.0.1 localhost\n10.0.0.1 printer\n");
    hosts.restore();
    expect(readFileSync(path, "utf8")).toBe("127.0.0.1 localhost\n10.0.0.1 printer\n");
  });

  test("that cannot be written are a usage error", () => {
    expect(() => new HostsFile("/nowhere/at/all").write([])).toThrow(/Cannot write \/nowhere\/at\/all/);
  });
});
