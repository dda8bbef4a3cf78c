// npm run test:kernel [files]: this stack against the kernel's, where the machine allows it; elsewhere says why not.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { rootFolder } from "../runtimes/index.ts";
import { which, whyNot } from "./requirements.ts";

const reason = whyNot();
if (reason !== null) {
  console.log(`Not run: ${reason}`);
} else {
  const missing = ["curl", "nc", "iperf3", "ssh", "sshd", "ping", "tshark"].filter(
    (name) => which(name) === null,
  );
  if (missing.length > 0) console.log(`Not installed, so their tests are skipped: ${missing.join(", ")}`);
  const vitest = join(rootFolder, "node_modules", "vitest", "vitest.mjs");
  const parameters = ["run", "--config", "test/kernel/vitest.config.ts", ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, [vitest, ...parameters], {
    cwd: rootFolder,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}
