// A real PostgreSQL server for one test, in a folder of its own, where the machine has one installed.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RealPostgres {
  readonly port: number;
  close(): Promise<void>;
}

/** Undefined where PostgreSQL's programs are not installed. */
export async function startPostgres(): Promise<RealPostgres | undefined> {
  if (!isInstalled()) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-postgres-"));
  // PostgreSQL refuses to run as root: become nobody.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await freePort();
  const options = { ...user, cwd: folder, stdio: "ignore" as const, env: { ...process.env, LC_ALL: "C" } };
  execFileSync("initdb", ["-D", data, "-U", "tester", "--auth=trust", "--no-sync"], options);
  const parameters = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"];
  const server: ChildProcess = spawn("postgres", parameters, options);
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await untilReady(port, ended);
  return {
    port,
    async close() {
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isInstalled(): boolean {
  try {
    execFileSync("initdb", ["--version"], { stdio: "ignore" });
    execFileSync("postgres", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function untilReady(port: number, ended: Promise<void>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!(await letsIn(port))) {
    if (isOver) throw new Error("PostgreSQL ended before it was ready");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** While it starts up it listens already, and refuses every login with an error ("E"). */
function letsIn(port: number): Promise<boolean> {
  const settings = Buffer.from("user\0tester\0database\0postgres\0\0");
  const header = Buffer.alloc(8);
  header.writeInt32BE(header.length + settings.length, 0);
  header.writeInt32BE(3 << 16, 4);
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => socket.write(Buffer.concat([header, settings])));
    socket.once("data", (reply: Buffer) => {
      resolve(reply[0] === 0x52);
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}
