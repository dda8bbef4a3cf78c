// What the system's sockets refuse alike in every runtime, whatever the runtime itself makes of it.

import process from "node:process";
import type { Network } from "../../src/core/net/index.ts";
import { equal, ok, rejection } from "../contract/assert.ts";
import type { Runner } from "../contract/runner.ts";

export function refusals(name: string, network: Network, runner: Runner): void {
  runner.test(`${name}: a name without an address cannot be listened on`, async () => {
    const error = (await rejection(network.bind("nohost.invalid:0"), "bind")) as Error & { code: string };
    // EAI_AGAIN: on a machine without a resolver.
    ok(["ENOTFOUND", "EAI_AGAIN"].includes(error.code), `the code is ${error.code}`);
    ok(/^Cannot listen on nohost\.invalid:0: name /.test(error.message), error.message);
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
