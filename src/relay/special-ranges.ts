// Addresses that are not simply a host on the Internet: the IANA special-purpose registries (RFC 6890 and what
// followed), metadata services of clouds, and whatever more the library ipaddr.js knows. Also the IPv4 address
// hidden in an IPv6 one: mapped, NAT64, 6to4, Teredo, ISATAP.
import ipaddr from "ipaddr.js";
import { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";

export interface SpecialRange {
  readonly name: string;
  readonly prefix: Prefix;
  /** No rule can admit it: there is nothing to dial. */
  readonly never: boolean;
}

/** Every special range that holds `address`. Empty for an address of the public Internet. */
export function specialRangesOf(address: IpAddress): SpecialRange[] {
  const found = table.filter((range) => range.prefix.contains(address));
  if (found.length > 0) return found;
  const name = ipaddr.process(address.withoutZone().toString()).range();
  if (name === "unicast") return found;
  // The library knows a range that the table does not: only a rule for this very address names it.
  return [{ name, prefix: Prefix.of(address, address.family === 4 ? 32 : 128), never: false }];
}

/** The IPv4 addresses that a packet to this IPv6 address may come out at, beyond the mapped form. */
export function embeddedIpv4(address: IpAddress): IpAddress[] {
  if (address.family === 4) return [];
  const { w0, w1, w2, w3 } = address;
  const found: IpAddress[] = [];
  const add = (word: number): void => {
    found.push(IpAddress.fromWords(4, 0, 0, 0, word));
  };
  // RFC 4291 §2.5.5.1 (compatible), RFC 6052 (NAT64), RFC 6145 (translated).
  if (lowWordHolders.some((prefix) => prefix.contains(address)) && !address.isLoopback && w3 !== 0) add(w3);
  // RFC 3056: 2002:V4ADDR::/48.
  if (w0 >>> 16 === 0x2002) add((w0 << 16) | (w1 >>> 16));
  // RFC 4380 §4: server in the second word, client in the last, its bits inverted.
  if (w0 === 0x2001_0000) {
    add(w1);
    add(~w3);
  }
  // RFC 8215 leaves the layout open: that of a /48 (RFC 6052 §2.2, bits 64 to 71 are skipped), and that of a /96.
  if (localNat64.contains(address)) {
    add(((w1 & 0xffff) << 16) | ((w2 >>> 8) & 0xffff));
    add(w3);
  }
  // RFC 5214 §6.1: an interface identifier of 0000:5efe or 0200:5efe before the IPv4 address.
  if ((w2 & ~0x0200_0000) === 0x0000_5efe) add(w3);
  return found;
}

const table: readonly SpecialRange[] = (
  [
    ["unspecified", "0.0.0.0/8", "never"],
    ["private", "10.0.0.0/8"],
    ["shared", "100.64.0.0/10"],
    ["metadata", "100.100.100.200/32"],
    ["loopback", "127.0.0.0/8"],
    ["metadata", "168.63.129.16/32"],
    ["link-local", "169.254.0.0/16"],
    ["metadata", "169.254.169.254/32"],
    ["metadata", "169.254.169.253/32"],
    ["metadata", "169.254.170.2/32"],
    ["metadata", "169.254.170.23/32"],
    ["private", "172.16.0.0/12"],
    ["protocol-assignment", "192.0.0.0/24"],
    ["metadata", "192.0.0.192/32"],
    ["documentation", "192.0.2.0/24"],
    ["as112", "192.31.196.0/24"],
    ["amt", "192.52.193.0/24"],
    ["6to4-relay", "192.88.99.0/24"],
    ["private", "192.168.0.0/16"],
    ["as112", "192.175.48.0/24"],
    ["benchmarking", "198.18.0.0/15"],
    ["documentation", "198.51.100.0/24"],
    ["documentation", "203.0.113.0/24"],
    ["multicast", "224.0.0.0/4", "never"],
    ["reserved", "240.0.0.0/4"],
    ["broadcast", "255.255.255.255/32", "never"],
    ["unspecified", "::/128", "never"],
    ["loopback", "::1/128"],
    ["ipv4-compatible", "::/96"],
    ["ipv4-mapped", "::ffff:0:0/96"],
    ["ipv4-translated", "::ffff:0:0:0/96"],
    ["nat64", "64:ff9b::/96"],
    ["nat64-local", "64:ff9b:1::/48"],
    ["discard", "100::/64"],
    ["dummy", "100:0:0:1::/64"],
    ["protocol-assignment", "2001::/23"],
    ["teredo", "2001::/32"],
    ["documentation", "2001:db8::/32"],
    ["6to4", "2002::/16"],
    ["as112", "2620:4f:8000::/48"],
    ["documentation", "3fff::/20"],
    ["segment-routing", "5f00::/16"],
    ["unique-local", "fc00::/7"],
    ["metadata", "fd00:ec2::254/128"],
    ["metadata", "fd20:ce::254/128"],
    ["link-local", "fe80::/10"],
    ["site-local", "fec0::/10"],
    ["multicast", "ff00::/8", "never"],
  ] as readonly (readonly [string, string, "never"?])[]
).map(([name, prefix, never]) => ({
  name,
  prefix: Prefix.parse(prefix) as Prefix,
  never: never === "never",
}));

const lowWordHolders: readonly Prefix[] = ["::/96", "64:ff9b::/96", "::ffff:0:0:0/96"].map(
  (text) => Prefix.parse(text) as Prefix,
);
const localNat64: Prefix = Prefix.parse("64:ff9b:1::/48") as Prefix;
