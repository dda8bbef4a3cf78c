// ssh2 over streams, at both ends: ssh2's own server is handed connections, its client brings one.

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { load, type Ssh2 } from "../runtimes/index.ts";
import { bridges } from "./bridge.ts";

const ssh2 = load("ssh2");
// ssh2's own generator makes keys that it cannot read, now and then.
const hostKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
  type: "sec1",
  format: "pem",
});

describe.each(bridges)("ssh2 over $name", ({ open }) => {
  test("logs in, runs a command, moves 2 MiB up and down, ends", async () => {
    const bridge = open();
    const server = new ssh2.Server({ hostKeys: [hostKey] }, serve);
    // Not in the declared types: a connection that the server did not accept itself.
    const { injectSocket } = server as unknown as { injectSocket(socket: unknown): void };
    const addr = await bridge.listen((socket) => injectSocket.call(server, socket));

    const client = new ssh2.Client();
    client.connect({ sock: bridge.dial(addr), username: "tester", password: "secret" });
    await once(client, "ready");
    expect(await exec(client, "greet")).toEqual({ output: "hello\n", code: 0 });
    const sent = Buffer.alloc(2 << 20, "a shift, a loss or a doubling shows ");
    const { output, code } = await exec(client, "echo", sent);
    expect(code).toBe(7);
    expect(Buffer.from(output, "latin1").equals(sent)).toBe(true);
    const closed = once(client, "close");
    client.end();
    await closed;
    await bridge.close();
  });

  test("a wrong password is refused by the server, not by the connection", async () => {
    const bridge = open();
    const server = new ssh2.Server({ hostKeys: [hostKey] }, serve);
    const { injectSocket } = server as unknown as { injectSocket(socket: unknown): void };
    const addr = await bridge.listen((socket) => injectSocket.call(server, socket));
    const client = new ssh2.Client();
    const failed = once(client, "error");
    client.connect({ sock: bridge.dial(addr), username: "tester", password: "wrong" });
    // once() gives an "error" event as a value when it is asked for.
    expect((await failed)[0]).toMatchObject({ level: "client-authentication" });
    await bridge.close();
  });
});

function serve(connection: Ssh2.Connection): void {
  connection.on("error", () => {});
  connection.on("authentication", (context) => {
    if (context.method === "password" && context.password === "secret") context.accept();
    else context.reject(["password"]);
  });
  connection.on("session", (accept) => {
    accept().on("exec", (acceptExec, _reject, { command }) => {
      const channel: Ssh2.ServerChannel = acceptExec();
      if (command === "greet") {
        channel.write("hello\n");
        channel.exit(0);
        channel.end();
        return;
      }
      channel.pipe(channel, { end: false });
      channel.on("end", () => {
        channel.exit(7);
        channel.end();
      });
    });
  });
}

function exec(
  client: InstanceType<typeof ssh2.Client>,
  command: string,
  input: Buffer = Buffer.alloc(0),
): Promise<{ output: string; code: number }> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel: Ssh2.ClientChannel) => {
      if (error) {
        reject(error);
        return;
      }
      let output = "";
      let code = -1;
      channel.setEncoding("latin1").on("data", (part: string) => {
        output += part;
      });
      channel.on("exit", (exitCode: number) => {
        code = exitCode;
      });
      channel.on("close", () => resolve({ output, code }));
      channel.end(input);
    });
  });
}
