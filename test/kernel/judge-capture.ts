// What tshark has to say of a capture: malformed packets and bad checksums. Without desegmentation, for it takes
// overlapping retransmissions for malformed.

import { join } from "node:path";
import { rootFolder, run } from "../runtimes/index.ts";
import { which } from "./requirements.ts";

export const captureFolder: string = join(rootFolder, "artifacts", "kernel");

const OPTIONS = [
  "-o",
  "tcp.desegment_tcp_streams:FALSE",
  "-o",
  "tcp.check_checksum:TRUE",
  "-o",
  "ip.check_checksum:TRUE",
];

/** One line for each packet that is wrong; null where tshark is not installed. */
export async function judgeCapture(name: string, withChecksums: boolean): Promise<string[] | null> {
  // The kernel writes 0xffff where tshark expects 0: both are zero in one's complement (RFC 1071).
  const wrong = withChecksums
    ? "_ws.malformed || (tcp.checksum.status == 0 && tcp.checksum != 0xffff) || ip.checksum.status == 0"
    : "_ws.malformed";
  return showPackets(name, wrong);
}

/** One line for each packet of a capture that the filter finds; null where tshark is not installed. */
export async function showPackets(
  name: string,
  filter: string,
  fields: readonly string[] = [],
): Promise<string[] | null> {
  const tshark = which("tshark");
  if (tshark === null) return null;
  const shown = fields.length === 0 ? [] : ["-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const parameters = ["-n", "-r", join(captureFolder, name), ...OPTIONS, "-Y", filter, ...shown];
  const { code, stdout, stderr } = await run(tshark, parameters, { timeout: 120_000 });
  if (code !== 0) throw new Error(`tshark: ${stderr}`);
  return stdout.split("\n").filter((line) => line !== "");
}
