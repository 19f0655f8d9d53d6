import { Line, type Place } from './line.ts';

/** Milliseconds; nothing here needs a finer clock. */
const SLOT_MS = 25;

/** What can be in a calendar has its marks: where it is, or undefined while it is in none. */
export interface Dated<T> {
  slot: number | undefined;
  slotPlace: Place<T> | undefined;
}

/**
 * Moments at which something is due, for very many things at once: adding and removing take constant time,
 * and one timer serves all. An item is due between its moment and one slot later, never before.
 */
export class Calendar<T extends Dated<T>> {
  readonly #onDue: (item: T) => void;
  readonly #slots = new Map<number, Line<T>>();
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
    let items = this.#slots.get(slot);
    if (items === undefined) {
      items = new Line();
      this.#slots.set(slot, items);
    }
    item.slot = slot;
    item.slotPlace = items.push(item);
    if (this.#timer === undefined) {
      this.#next = Math.floor(now / SLOT_MS);
      this.#timer = setInterval(this.#tick, SLOT_MS);
    }
  }

  delete(item: T): void {
    const { slot, slotPlace } = item;
    if (slot === undefined) return;
    // Not by the slot: what is due now is in none any more.
    slotPlace?.line?.leave(slotPlace);
    if (this.#slots.get(slot)?.length === 0) this.#slots.delete(slot);
    item.slot = undefined;
    item.slotPlace = undefined;
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
      // Each may move the others, or take them away.
      for (let item = items.first; item !== undefined; item = items.first) {
        items.leave(item.slotPlace);
        item.slot = undefined;
        item.slotPlace = undefined;
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
