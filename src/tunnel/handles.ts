// Which handle stands for which name: the client chooses them, the least recently used is bound anew when all are
// taken (docs/protocol.md §6.1).
import type { IpAddress } from "../core/wire/ip-address.ts";
import type { Prefix } from "../core/wire/prefix.ts";
import { handleAddress } from "./addresses.ts";

export class HandleTable {
  private readonly prefix: Prefix;
  private readonly limit: number;
  /** In order of use: the first was used longest ago. */
  private readonly byName = new Map<string, IpAddress>();

  constructor(prefix: Prefix, limit: number) {
    this.prefix = prefix;
    this.limit = limit;
  }

  /** The handle of `name`, and whether it still has to be told to the relay. */
  take(name: string): { readonly handle: IpAddress; readonly isNew: boolean } {
    const known = this.byName.get(name);
    if (known !== undefined) {
      this.byName.delete(name);
      this.byName.set(name, known);
      return { handle: known, isNew: false };
    }
    const handle =
      this.byName.size < this.limit ? handleAddress(this.prefix, this.byName.size + 1) : this.evict();
    this.byName.set(name, handle);
    return { handle, isNew: true };
  }

  /** The relay did not take the binding: it has to be told again next time. */
  forget(name: string): void {
    // The number stays used: counting on from the size must not give it twice.
    const handle = this.byName.get(name);
    if (handle === undefined) return;
    this.byName.delete(name);
    this.byName.set(`\0${name}`, handle);
  }

  private evict(): IpAddress {
    const [name, handle] = this.byName.entries().next().value as [string, IpAddress];
    this.byName.delete(name);
    return handle;
  }
}
