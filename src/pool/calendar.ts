/** Milliseconds; nothing here needs a finer clock. */
const SLOT_MS = 25;

/**
 * Moments at which something is due, for very many things at once: adding and removing take constant time,
 * and one timer serves all. An item is due between its moment and one slot later, never before.
 */
export class Calendar<T> {
  readonly #onDue: (item: T) => void;
  readonly #slots = new Map<number, Set<T>>();
  readonly #slotOf = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** @param at by `performance.now()`; an item that is already there is moved. */
  set(item: T, at: number): void {
    this.delete(item);
    const slot = Math.max(Math.ceil(at / SLOT_MS), Math.floor(performance.now() / SLOT_MS) + 1);
    const items = this.#slots.get(slot);
    if (items === undefined) this.#slots.set(slot, new Set([item]));
    else items.add(item);
    this.#slotOf.set(item, slot);
    if (this.#timer === undefined) {
      this.#next = Math.floor(performance.now() / SLOT_MS);
      this.#timer = setInterval(this.#tick, SLOT_MS);
    }
  }

  delete(item: T): void {
    const slot = this.#slotOf.get(item);
    if (slot === undefined) return;
    this.#slotOf.delete(item);
    const items = this.#slots.get(slot);
    items?.delete(item);
    if (items?.size === 0) this.#slots.delete(slot);
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.clear();
    this.#slotOf.clear();
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
        if (this.#slotOf.get(item) !== this.#next) continue;
        this.#slotOf.delete(item);
        this.#onDue(item);
      }
    }
    if (this.#slotOf.size === 0) this.#rest();
  };

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
