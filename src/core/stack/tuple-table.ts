// Connections and TIME-WAIT records by four-tuple. The hash is keyed, so that nobody can aim at one bucket; a packet is
// looked up by its words, without making an address. The entry of the last packet is tried first. Entries of a bucket are
// chained through themselves, so that coming and going allocates nothing.

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

const SMALLEST = 8;
/** With so many buckets for each entry a table becomes smaller, at the next entry: not while somebody walks it. */
const SPARSE = 16;
/** Of all tables without an entry: nothing is ever put into it. */
const NO_BUCKETS: (TupleEntry | null)[] = [null];

export class TupleTable {
  size = 0;
  /** As many as a power of two, the first entry of each. */
  private buckets: (TupleEntry | null)[] = NO_BUCKETS;
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
    const { sourcePort, destinationPort } = tcp;
    const { sourceW2, sourceW3, destinationW3 } = packet;
    let entry = this.first(this.hash(prefix, sourceW2, sourceW3, sourcePort, destinationW3, destinationPort));
    while (entry !== null && !matches(entry, packet)) entry = entry.nextInBucket;
    if (entry !== null) this.last = entry;
    return entry;
  }

  get(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): TupleEntry | null {
    let entry = this.first(this.hashOf(local, localPort, remote, remotePort));
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
    const { length } = this.buckets;
    const isSparse = length > SMALLEST && this.size * SPARSE < length;
    if (this.size >= length || length < SMALLEST || isSparse) this.resize();
    this.put(entry);
    this.size++;
  }

  remove(entry: TupleEntry): void {
    if (this.last === entry) this.last = null;
    const bucket = this.bucketOf(entry);
    let previous: TupleEntry | null = null;
    let at = this.buckets[bucket];
    while (at !== null && at !== entry) {
      previous = at;
      at = at.nextInBucket;
    }
    if (at === null) return;
    this.size--;
    if (previous !== null) previous.nextInBucket = entry.nextInBucket;
    else this.buckets[bucket] = entry.nextInBucket;
    if (this.size === 0) this.buckets = NO_BUCKETS;
    entry.nextInBucket = null;
  }

  *[Symbol.iterator](): IterableIterator<TupleEntry> {
    for (const first of this.buckets) {
      let entry: TupleEntry | null = first;
      while (entry !== null) {
        const next: TupleEntry | null = entry.nextInBucket;
        yield entry;
        entry = next;
      }
    }
  }

  private first(hash: number): TupleEntry | null {
    const { buckets } = this;
    return buckets[hash & (buckets.length - 1)];
  }

  private put(entry: TupleEntry): void {
    const bucket = this.bucketOf(entry);
    entry.nextInBucket = this.buckets[bucket];
    this.buckets[bucket] = entry;
  }

  private resize(): void {
    const { buckets } = this;
    let length = SMALLEST;
    while (length <= this.size) length *= 2;
    this.buckets = [];
    for (let bucket = 0; bucket < length; bucket++) this.buckets.push(null);
    for (const first of buckets) {
      for (let entry = first; entry !== null; ) {
        const next: TupleEntry | null = entry.nextInBucket;
        this.put(entry);
        entry = next;
      }
    }
  }

  private bucketOf(entry: TupleEntry): number {
    const { local, localPort, remote, remotePort } = entry;
    return this.hashOf(local, localPort, remote, remotePort) & (this.buckets.length - 1);
  }

  private hashOf(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    const prefix = remote.family === 4 ? 0 : this.prefixHash(remote.w0, remote.w1);
    return this.hash(prefix, remote.w2, remote.w3, remotePort, local.w3, localPort);
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
  const { tcp } = packet;
  return (
    entry.remotePort === tcp.sourcePort &&
    entry.localPort === tcp.destinationPort &&
    packet.isFrom(entry.remote) &&
    packet.isTo(entry.local)
  );
}
