// Memory that connections are done with and others use anew. One a stack; or one for many stacks that each say little,
// as a relay's are, so that none of them keeps what a transfer long ago has needed. May use this room's pools.

import { RecordPool } from "./sent-records.ts";
import { SlabPool } from "./slab-pool.ts";

export class Spares {
  readonly slabs: SlabPool = new SlabPool();
  readonly records: RecordPool = new RecordPool();
}
