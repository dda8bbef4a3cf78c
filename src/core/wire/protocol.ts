// The protocol and next-header numbers that fourtuple knows (IANA protocol numbers, RFC 8200 §4).

export const Protocol = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  routing: 43,
  fragment: 44,
  icmpv6: 58,
  noNextHeader: 59,
  destinationOptions: 60,
} as const;
