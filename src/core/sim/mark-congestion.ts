// ECN's mark (RFC 3168 §5): a queue that is long says so in the IP header, to those who asked for it.

import type { Bytes } from "../wire/bytes.ts";
import { addToSum, finishSum } from "../wire/checksum.ts";

/** Sets CE in a packet that has ECT(0) or ECT(1). True: it is marked now and was not before. */
export function markCongestion(packet: Bytes): boolean {
  if (packet[0] >>> 4 === 4) {
    const ecn = packet[1] & 3;
    if (ecn === 0 || ecn === 3) return false;
    packet[1] |= 3;
    const headerLength = (packet[0] & 15) * 4;
    packet[10] = packet[11] = 0;
    const sum = finishSum(addToSum(0, packet, 0, headerLength));
    packet[10] = sum >>> 8;
    packet[11] = sum & 255;
    return true;
  }
  // The low two bits of the traffic class, across the first two bytes.
  const ecn = (packet[1] >>> 4) & 3;
  if (ecn === 0 || ecn === 3) return false;
  packet[1] |= 0x30;
  return true;
}
