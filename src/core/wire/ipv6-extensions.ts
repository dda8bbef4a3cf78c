// IPv6 extension headers (RFC 8200 §4): hop-by-hop options, routing and destination options are skipped,
// fragments refused. An authentication header (RFC 4302) cannot be verified here and RFC 4302 §3.4.2 forbids
// to skip what was not verified, so it counts as the payload's protocol, like ESP, and finds no taker.

import { Malformed } from "./malformed.ts";
import type { Packet } from "./packet.ts";
import { Protocol } from "./protocol.ts";

const PAD_1 = 0;
const PAD_N = 1;
const JUMBO_PAYLOAD = 0xc2;

/**
 * Moves `packet.protocol` and `packet.payloadStart` from the first header after the IPv6 header to the
 * payload's. Every header takes at least 8 bytes of a packet of at most 64 KiB, which bounds the loop.
 */
export function skipExtensionHeaders(packet: Packet): Malformed {
  const { bytes, payloadEnd } = packet;
  let at = packet.payloadStart;
  for (;;) {
    const protocol = packet.protocol;
    const options = protocol === Protocol.hopByHop || protocol === Protocol.destinationOptions;
    if (!options && protocol !== Protocol.routing) {
      return protocol === Protocol.fragment ? Malformed.fragment : Malformed.none;
    }
    // RFC 8200 §4.1: hop-by-hop options only directly after the IPv6 header.
    if (protocol === Protocol.hopByHop && at !== packet.start + 40) return Malformed.badExtensionHeader;
    if (payloadEnd - at < 8) return Malformed.badExtensionHeader;
    const length = 8 + 8 * bytes[at + 1];
    if (length > payloadEnd - at) return Malformed.badExtensionHeader;
    if (options) {
      const refused = checkOptions(bytes, at + 2, at + length);
      if (refused !== Malformed.none) return refused;
    } else if (bytes[at + 3] !== 0) {
      // RFC 8200 §4.4, RFC 5095: segments are left, so the packet is to be sent on, which nothing here does.
      return Malformed.badExtensionHeader;
    }
    packet.protocol = bytes[at];
    at += length;
    packet.payloadStart = at;
  }
}

/**
 * RFC 8200 §4.2: an unknown option is skipped when the two upper bits of its type are zero, or else fatal.
 */
function checkOptions(bytes: Uint8Array, start: number, end: number): Malformed {
  let at = start;
  while (at < end) {
    const type = bytes[at];
    if (type === PAD_1) {
      at++;
      continue;
    }
    if (end - at < 2 || bytes[at + 1] > end - at - 2) return Malformed.badExtensionHeader;
    if (type === JUMBO_PAYLOAD) return Malformed.badTotalLength;
    if (type !== PAD_N && type >>> 6 !== 0) return Malformed.unknownOption;
    at += 2 + bytes[at + 1];
  }
  return Malformed.none;
}
