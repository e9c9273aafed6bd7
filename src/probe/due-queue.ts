/** What waits in a `DueQueue`. */
export interface Due {
  readonly dueMs: number;
  /** The queue's own: where in it this one is, -1 for nowhere. */
  position: number;
}

/**
 * Waiting entries, the earliest first: a binary heap whose members know their places, so that any of them can leave.
 */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  first(): T | undefined {
    return this.#heap[0];
  }

  /** While it waits, its `dueMs` must not change. */
  push(item: T): void {
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
  }

  /** Nothing happens when it does not wait here. */
  remove(item: T): void {
    const { position } = item;
    // Checked first: an array has no element -1 and would look for a property of that name.
    if (position < 0 || this.#heap[position] !== item) return;
    item.position = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#rise(last, position);
    this.#sink(last, last.position);
  }

  // --- internal ---

  #rise(item: T, from: number): void {
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueMs <= item.dueMs) break;
      this.#put(parent, position);
      position = above;
    }
    this.#put(item, position);
  }

  #sink(item: T, from: number): void {
    let position = from;
    for (;;) {
      const child = this.#earlierChild(position);
      if (child === undefined || child.dueMs >= item.dueMs) break;
      const below = child.position;
      this.#put(child, position);
      position = below;
    }
    this.#put(item, position);
  }

  #earlierChild(position: number): T | undefined {
    const left = this.#heap[2 * position + 1];
    const right = this.#heap[2 * position + 2];
    return left !== undefined && right !== undefined && right.dueMs < left.dueMs ? right : left;
  }

  #put(item: T, position: number): void {
    this.#heap[position] = item;
    item.position = position;
  }
}
