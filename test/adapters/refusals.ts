// What the system's sockets refuse alike in every runtime, whatever the runtime itself makes of it.

import process from "node:process";
import type { Network } from "../../src/core/net/index.ts";
import { equal, ok, rejection } from "../contract/assert.ts";
import type { Runner } from "../contract/runner.ts";

export function refusals(name: string, network: Network, runner: Runner): void {
  runner.test(`${name}: a name without an address cannot be listened on`, async () => {
    for (const host of ["nohost.invalid", "a..b"]) {
      const error = (await rejection(network.bind(`${host}:0`), "bind")) as Error & { code: string };
      // EAI_AGAIN: on a machine without a resolver.
      ok(["ENOTFOUND", "EAI_AGAIN"].includes(error.code), `the code is ${error.code}`);
      ok(error.message.startsWith(`Cannot listen on ${host}:0: name `), error.message);
    }
  });

  runner.test(`${name}: a name without an address cannot be dialled`, async () => {
    for (const host of ["nohost.invalid", "a..b"]) {
      const error = (await rejection(network.connect(`${host}:80`), "connect")) as Error & { code: string };
      ok(["ENOTFOUND", "EAI_AGAIN"].includes(error.code), `the code is ${error.code}`);
      ok(error.message.includes(host), error.message);
    }
  });

  const refused = `${name}: port 0 of another host refuses`;
  if (process.platform !== "linux") runner.skip(refused, "other systems call it no address");
  else {
    runner.test(refused, async () => {
      const error = (await rejection(network.connect("127.0.0.1:0"), "connect")) as Error & { code: string };
      equal(error.code, "ECONNREFUSED", "code");
      equal(error.message, "Cannot connect to 127.0.0.1:0: connection refused", "message");
    });
  }
}
