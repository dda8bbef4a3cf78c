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
  /** Handles that stand for nothing now, and how many there are in all. */
  private readonly free: IpAddress[] = [];
  private given = 0;

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
    const handle = this.free.pop() ?? this.fresh();
    this.byName.set(name, handle);
    return { handle, isNew: true };
  }

  /** The relay did not take the binding: it has to be told again next time. */
  forget(name: string): void {
    const handle = this.byName.get(name);
    if (handle === undefined) return;
    this.byName.delete(name);
    this.free.push(handle);
  }

  /** Forgets all bindings but those of these handles, and gives those. */
  keepOnly(handles: ReadonlySet<string>): { readonly name: string; readonly handle: IpAddress }[] {
    const kept: { readonly name: string; readonly handle: IpAddress }[] = [];
    for (const [name, handle] of [...this.byName]) {
      if (handles.has(handle.toString())) kept.push({ name, handle });
      else this.forget(name);
    }
    return kept;
  }

  private fresh(): IpAddress {
    return this.given < this.limit ? handleAddress(this.prefix, ++this.given) : this.evict();
  }

  private evict(): IpAddress {
    const [name, handle] = this.byName.entries().next().value as [string, IpAddress];
    this.byName.delete(name);
    return handle;
  }
}
