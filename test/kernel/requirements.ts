// Whether this machine can run tests against its kernel, and which programs it has for them.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { loadSystemCalls } from "../../src/adapters/node/system-calls.ts";
import { TunDevice } from "../../src/adapters/node/tun-device.ts";
import { load } from "../runtimes/index.ts";

/** Why the tests cannot run here, or null. */
export function whyNot(): string | null {
  if (process.platform !== "linux") return `this is ${process.platform}, and TUN devices are Linux's`;
  if (process.geteuid?.() !== 0) return "network namespaces need root";
  for (const name of ["ip", "sysctl"]) {
    if (which(name) === null) return `the program ${name} is missing: install iproute2 and procps`;
  }
  try {
    loadSystemCalls(load("koffi"));
  } catch (error) {
    return `koffi does not run here: ${(error as Error).message}`;
  }
  try {
    new TunDevice({ koffi: load("koffi") }).close();
  } catch (error) {
    return (error as Error).message;
  }
  return null;
}

/** The path of a program, or null where it is not installed. */
export function which(name: string): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
