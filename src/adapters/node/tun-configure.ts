// Address, MTU and state of a network interface, by the program ip (iproute2): the few things that whoever opens a TUN
// device wants set. Anything beyond is for ip itself.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { NetError } from "../../core/net/index.ts";

export interface TunAddress {
  /** Addresses with the length of their prefix: "10.9.0.1/24", "fd00::1/64". The prefix is routed to the device. */
  readonly addresses: readonly string[];
  /** Bytes. Default 1,500, as the system has it. */
  readonly mtu?: number | undefined;
}

/**
 * Gives an interface its addresses and MTU, and sets it up. Linux with iproute2; root or CAP_NET_ADMIN.
 *
 * @throws {NetError} `EACCES`; `ENOTSUP` when the program ip is missing; `EINVAL` with what ip said.
 */
export async function configureTun(name: string, { addresses, mtu }: TunAddress): Promise<void> {
  // Before the addresses: IPv6 needs 1,280 bytes to be there at all.
  if (mtu !== undefined) await ip(name, ["link", "set", "dev", name, "mtu", String(mtu)]);
  for (const address of addresses) {
    // Duplicate address detection has nobody to ask, and keeps the address from being used at once.
    const noDetection = address.includes(":") ? ["nodad"] : [];
    await ip(name, ["address", "replace", address, "dev", name, ...noDetection]);
  }
  await ip(name, ["link", "set", "dev", name, "up"]);
}

async function ip(name: string, parameters: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)("ip", [...parameters]);
  } catch (cause) {
    const { code, stderr = "", message } = cause as NodeJS.ErrnoException & { readonly stderr?: string };
    const text = stderr.trim().replace(/^RTNETLINK answers: /, "");
    const action = `Cannot configure ${name}`;
    if (code === "ENOENT") {
      throw new NetError("ENOTSUP", `${action}: the program ip is missing; install iproute2`, { cause });
    }
    if (/not permitted|denied/i.test(text)) {
      const command = `ip ${parameters.join(" ")}`;
      throw new NetError("EACCES", `${action}: not permitted; let root run: ${command}`, { cause });
    }
    throw new NetError("EINVAL", `${action}: ${text === "" ? message : text}`, { cause });
  }
}
