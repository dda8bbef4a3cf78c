// Connections and TIME-WAIT records by four-tuple. The hash is keyed, so that nobody can aim at one bucket; a packet is
// looked up by its words, without making an address. The entry of the last packet is tried first.

import type { IpAddress } from "../wire/ip-address.ts";
import type { Packet } from "../wire/packet.ts";

export interface TupleEntry {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** The next entry with the same hash; the table's own. */
  nextInBucket: TupleEntry | null;
}

/** Of all tables without an entry: nothing is ever put into it. */
const NOTHING: Map<number, TupleEntry> = new Map();

export class TupleTable {
  size = 0;
  private buckets: Map<number, TupleEntry> = NOTHING;
  private readonly seed: number;
  private last: TupleEntry | null = null;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** The entry that this packet's source is the remote end of. */
  find(packet: Packet): TupleEntry | null {
    const { last } = this;
    if (last !== null && matches(last, packet)) return last;
    const { tcp } = packet;
    const prefix = packet.version === 4 ? 0 : this.prefixHash(packet.sourceW0, packet.sourceW1);
    let entry =
      this.buckets.get(
        this.hash(
          prefix,
          packet.sourceW2,
          packet.sourceW3,
          tcp.sourcePort,
          packet.destinationW3,
          tcp.destinationPort,
        ),
      ) ?? null;
    while (entry !== null && !matches(entry, packet)) entry = entry.nextInBucket;
    if (entry !== null) this.last = entry;
    return entry;
  }

  get(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): TupleEntry | null {
    let entry = this.buckets.get(this.hashOf({ local, localPort, remote, remotePort })) ?? null;
    while (entry !== null) {
      if (
        entry.localPort === localPort &&
        entry.remotePort === remotePort &&
        entry.remote.equals(remote) &&
        entry.local.equals(local)
      ) {
        return entry;
      }
      entry = entry.nextInBucket;
    }
    return null;
  }

  add(entry: TupleEntry): void {
    if (this.size === 0) this.buckets = new Map();
    const hash = this.hashOf(entry);
    entry.nextInBucket = this.buckets.get(hash) ?? null;
    this.buckets.set(hash, entry);
    this.size++;
  }

  remove(entry: TupleEntry): void {
    if (this.last === entry) this.last = null;
    const hash = this.hashOf(entry);
    let previous: TupleEntry | null = null;
    let at = this.buckets.get(hash) ?? null;
    while (at !== null && at !== entry) {
      previous = at;
      at = at.nextInBucket;
    }
    if (at === null) return;
    this.size--;
    if (previous !== null) previous.nextInBucket = entry.nextInBucket;
    else if (entry.nextInBucket !== null) this.buckets.set(hash, entry.nextInBucket);
    else this.buckets.delete(hash);
    if (this.size === 0) this.buckets = NOTHING;
    entry.nextInBucket = null;
  }

  *[Symbol.iterator](): IterableIterator<TupleEntry> {
    for (const first of this.buckets.values()) {
      let entry: TupleEntry | null = first;
      while (entry !== null) {
        const next: TupleEntry | null = entry.nextInBucket;
        yield entry;
        entry = next;
      }
    }
  }

  private hashOf(entry: Omit<TupleEntry, "nextInBucket">): number {
    const { remote } = entry;
    const prefix = remote.family === 4 ? 0 : this.prefixHash(remote.w0, remote.w1);
    return this.hash(prefix, remote.w2, remote.w3, entry.remotePort, entry.local.w3, entry.localPort);
  }

  /** The upper half of an IPv6 address: whoever has many prefixes could else put as many tuples into one bucket. */
  private prefixHash(word0: number, word1: number): number {
    let mixed = Math.imul(this.seed ^ word0, 0x85eb_ca77);
    mixed = Math.imul((mixed ^ (mixed >>> 15)) + word1, 0x9e37_79b1);
    return mixed ^ (mixed >>> 13);
  }

  /** Two rounds of a murmur-like mix: the words that differ between connections of one host. */
  private hash(
    prefix: number,
    remote2: number,
    remote3: number,
    remotePort: number,
    local3: number,
    localPort: number,
  ): number {
    let mixed = Math.imul(this.seed ^ prefix ^ remote3, 0x9e37_79b1);
    mixed = Math.imul((mixed ^ (mixed >>> 15)) + ((remotePort << 16) | localPort), 0x85eb_ca77);
    mixed = Math.imul((mixed ^ (mixed >>> 13)) + (remote2 ^ Math.imul(local3, 0x27d4_eb2f)), 0xc2b2_ae3d);
    return mixed ^ (mixed >>> 16);
  }
}

function matches(entry: TupleEntry, packet: Packet): boolean {
  const { remote, local } = entry;
  const { tcp } = packet;
  return (
    entry.remotePort === tcp.sourcePort &&
    entry.localPort === tcp.destinationPort &&
    remote.equalsWords(packet.version, packet.sourceW0, packet.sourceW1, packet.sourceW2, packet.sourceW3) &&
    local.equalsWords(
      packet.version,
      packet.destinationW0,
      packet.destinationW1,
      packet.destinationW2,
      packet.destinationW3,
    )
  );
}
