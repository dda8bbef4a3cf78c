// The few fields that the relay reads of a packet that it only passes on: IPv6 and, right behind it, TCP (RFC 8200 §3,
// RFC 9293 §3.1). Nothing is allocated.

export const tcpProtocol = 6 as const;
export const icmpv6Protocol = 58 as const;

/** Whether the IPv6 packet at `start` holds a whole TCP header or ICMPv6, without extension headers. */
export function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  const protocol = bytes[start + 6];
  return (
    (protocol === tcpProtocol && end - start >= 60) || (protocol === icmpv6Protocol && end - start >= 48)
  );
}

/** ICMPv6's question whether one is there (RFC 4443 §4.1). */
export function isEchoRequest(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 40] === 128;
}

/** The first SYN of a connection: SYN without ACK or RST. */
export function isFirstSyn(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + 53] & 0x16) === 0x02;
}

export function isReset(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + 53] & 0x04) !== 0;
}
