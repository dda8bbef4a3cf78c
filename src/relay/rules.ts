// Rules of a policy, one per line of text: tcp:HOST[@CIDR]:PORTS, tcp:CIDR:PORTS, peer:NAME:PORTS (docs/relay.md
// §4). A rule only allows; what no rule allows is denied.
import { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { isHostPattern, matchesHost } from "./host-name.ts";
import { PortSet } from "./ports.ts";
import { specialRangesOf } from "./special-ranges.ts";

export interface TcpRule {
  readonly text: string;
  /** A name pattern that was asked for; null: whatever was asked for. */
  readonly host: string | null;
  /** Where the address must be; null: on the public Internet. */
  readonly prefix: Prefix | null;
  readonly ports: PortSet;
}

export interface PeerRule {
  readonly text: string;
  readonly name: string;
  readonly ports: PortSet;
}

/** @throws {TypeError} when `text` is no rule; the message says why. */
export function parseTcpRule(text: string): TcpRule {
  const { scheme, subject, ports } = split(text);
  if (scheme !== "tcp") throw wrong(text, 'it begins neither with "tcp:" nor with "peer:"');
  const prefix = readPrefix(subject);
  if (prefix !== null) return { text, host: null, prefix, ports };
  const at = subject.indexOf("@");
  const host = (at < 0 ? subject : subject.slice(0, at)).toLowerCase();
  if (!isHostPattern(host)) throw wrong(text, `"${host}" is neither a host name nor an address block`);
  if (at < 0) return { text, host, prefix: null, ports };
  const block = readPrefix(subject.slice(at + 1));
  if (block === null) throw wrong(text, `"${subject.slice(at + 1)}" is not an address block`);
  return { text, host, prefix: block, ports };
}

/** @throws {TypeError} when `text` is no rule; the message says why. */
export function parsePeerRule(text: string): PeerRule {
  const { scheme, subject, ports } = split(text);
  if (scheme !== "peer") throw wrong(text, 'it does not begin with "peer:"');
  const name = subject.toLowerCase();
  if (!/^[a-z0-9-]*\*?$/.test(name) || name === "") throw wrong(text, `"${subject}" is no peer name`);
  return { text, name, ports };
}

/** Whether the rule may admit this name, before its addresses are known. */
export function mayAdmit(rule: TcpRule, host: string, port: number): boolean {
  return rule.ports.has(port) && (rule.host === null || matchesHost(rule.host, host));
}

/**
 * Whether the rule admits a connection to this address, asked for by name or not. A special range must be named: the
 * rule's block lies inside it, so 0.0.0.0/0 admits no private address and 10.0.0.0/8 does.
 */
export function admits(rule: TcpRule, host: string | null, address: IpAddress, port: number): boolean {
  if (!rule.ports.has(port)) return false;
  if (rule.host !== null && (host === null || !matchesHost(rule.host, host))) return false;
  const block = rule.prefix;
  if (block !== null && !block.contains(address)) return false;
  return specialRangesOf(address).every(
    (range) =>
      !range.never &&
      block !== null &&
      block.length >= range.prefix.length &&
      range.prefix.contains(block.address),
  );
}

/** Whether a rule for publishing lets the relay listen there. Any address needs a rule that holds all of them. */
export function admitsListening(rule: TcpRule, address: IpAddress, port: number): boolean {
  if (rule.prefix === null || rule.host !== null || !rule.prefix.contains(address)) return false;
  if (address.isUnspecified && rule.prefix.length !== 0) return false;
  // Port 0 takes one that the system picks, from the range that needs no rights.
  return rule.ports.has(port === 0 ? 49_152 : port);
}

export function admitsPeer(rule: PeerRule, name: string, port: number): boolean {
  return rule.ports.has(port) && matchesName(rule.name, name);
}

/** Names with "*" at the end match every name that begins so. */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function split(text: string): { scheme: string; subject: string; ports: PortSet } {
  const first = text.indexOf(":");
  const last = text.lastIndexOf(":");
  if (first < 0 || last <= first)
    throw wrong(text, "write tcp:HOST:PORTS, tcp:CIDR:PORTS or peer:NAME:PORTS");
  const ports = PortSet.parse(text.slice(last + 1));
  if (ports === null) throw wrong(text, `"${text.slice(last + 1)}" is no list of ports`);
  return { scheme: text.slice(0, first), subject: text.slice(first + 1, last), ports };
}

/** "10.0.0.0/8", "127.0.0.1", "fd00::/8", "[fd00::/8]", "[fd00::]/8"; null for anything else. */
function readPrefix(text: string): Prefix | null {
  const bare = text.replace(/^\[([^\]]*)\](\/\d+)?$/, "$1$2");
  if (bare.includes("/")) return Prefix.parse(bare);
  const address = IpAddress.parse(bare);
  if (address === null || address.zone !== null) return null;
  return Prefix.of(address, address.family === 4 ? 32 : 128);
}

function wrong(text: string, why: string): TypeError {
  return new TypeError(`Cannot read the rule "${text}": ${why}`);
}
