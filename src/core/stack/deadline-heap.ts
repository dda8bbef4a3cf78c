// The earliest deadline of many: a binary heap. A deadline that moved later is left in place and looked at when it
// comes up, so that pushing back a retransmission timer at every ACK costs nothing here; 100,000 idle connections
// need one runtime timer.

export interface HeapItem {
  heapIndex: number;
  heapDeadline: number;
}

export class DeadlineHeap<Item extends HeapItem> {
  private readonly items: Item[] = [];

  get size(): number {
    return this.items.length;
  }

  /** Infinity when empty. */
  get earliest(): number {
    return this.items.length === 0 ? Number.POSITIVE_INFINITY : this.items[0].heapDeadline;
  }

  /** Puts the item in, or moves it forward. A later deadline than the one it has changes nothing. */
  advance(item: Item, deadline: number): void {
    if (item.heapIndex >= 0) {
      if (deadline >= item.heapDeadline) return;
      item.heapDeadline = deadline;
      this.up(item.heapIndex);
      return;
    }
    if (deadline === Number.POSITIVE_INFINITY) return;
    item.heapDeadline = deadline;
    item.heapIndex = this.items.length;
    this.items.push(item);
    this.up(item.heapIndex);
  }

  /** Takes out the earliest. */
  pop(): Item | null {
    if (this.items.length === 0) return null;
    const item = this.items[0];
    this.remove(item);
    return item;
  }

  remove(item: Item): void {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    item.heapDeadline = Number.POSITIVE_INFINITY;
    const last = this.items.pop() as Item; // there is at least `item`
    if (last === item) return;
    this.items[at] = last;
    last.heapIndex = at;
    this.up(at);
    this.down(last.heapIndex);
  }

  private up(from: number): void {
    const { items } = this;
    const item = items[from];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].heapDeadline <= item.heapDeadline) break;
      this.place(items[parent], at);
      at = parent;
    }
    this.place(item, at);
  }

  private down(from: number): void {
    const { items } = this;
    const item = items[from];
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1].heapDeadline < items[child].heapDeadline) child++;
      if (items[child].heapDeadline >= item.heapDeadline) break;
      this.place(items[child], at);
      at = child;
    }
    this.place(item, at);
  }

  private place(item: Item, at: number): void {
    this.items[at] = item;
    item.heapIndex = at;
  }
}
