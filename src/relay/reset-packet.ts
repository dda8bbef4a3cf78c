// The RST that answers a SYN which the switch does not let through (RFC 9293 §3.10.7.1: no ACK in, so the sequence
// number is 0 and the reset acknowledges the SYN).
import type { Bytes } from "../core/wire/bytes.ts";
import { writeTcpChecksum } from "../core/wire/ip-header.ts";

/** A whole IPv6 packet with a RST for the TCP SYN in bytes[start..end). */
export function refusalTo(bytes: Uint8Array, start: number, end: number): Bytes {
  const reset = new Uint8Array(60);
  reset[0] = 0x60;
  reset[5] = 20;
  reset[6] = 6;
  reset[7] = 64;
  reset.set(bytes.subarray(start + 24, start + 40), 8);
  reset.set(bytes.subarray(start + 8, start + 24), 24);
  reset.set(bytes.subarray(start + 42, start + 44), 40);
  reset.set(bytes.subarray(start + 40, start + 42), 42);
  const header = (bytes[start + 52] >>> 4) * 4;
  const payload = Math.max(0, end - start - 40 - header);
  const view = new DataView(reset.buffer);
  const seq = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 44);
  view.setUint32(48, seq + 1 + payload);
  reset[52] = 0x50;
  reset[53] = 0x14;
  writeTcpChecksum(reset, 0, reset.length);
  return reset;
}
