/** Milliseconds; nothing here needs a finer clock. */
const SLOT_MS = 25;

export interface Dated {
  /** The calendar's mark; undefined while it is in none. */
  slot: number | undefined;
}

/**
 * Moments at which something is due, for very many things at once: adding and removing take constant time,
 * and one timer serves all. An item is due between its moment and one slot later, never before.
 */
export class Calendar<T extends Dated> {
  readonly #onDue: (item: T) => void;
  readonly #slots = new Map<number, Set<T>>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
  }

  /** @param at by `performance.now()`; an item that is already there is moved. */
  set(item: T, at: number): void {
    this.delete(item);
    const now = performance.now();
    const slot = Math.max(Math.ceil(at / SLOT_MS), Math.floor(now / SLOT_MS) + 1);
    const items = this.#slots.get(slot);
    if (items === undefined) this.#slots.set(slot, new Set([item]));
    else items.add(item);
    item.slot = slot;
    if (this.#timer === undefined) {
      this.#next = Math.floor(now / SLOT_MS);
      this.#timer = setInterval(this.#tick, SLOT_MS);
    }
  }

  delete(item: T): void {
    const { slot } = item;
    if (slot === undefined) return;
    item.slot = undefined;
    const items = this.#slots.get(slot);
    items?.delete(item);
    if (items?.size === 0) this.#slots.delete(slot);
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.clear();
    this.#rest();
  }

  #tick = (): void => {
    const current = Math.floor(performance.now() / SLOT_MS);
    for (; this.#next <= current; this.#next += 1) {
      const items = this.#slots.get(this.#next);
      if (items === undefined) continue;
      this.#slots.delete(this.#next);
      for (const item of items) {
        // One before it may have moved it, or taken it away.
        if (item.slot !== this.#next) continue;
        item.slot = undefined;
        this.#onDue(item);
      }
    }
    if (this.#slots.size === 0) this.#rest();
  };

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
