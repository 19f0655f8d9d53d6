import type { Owner } from './owner.ts';
import type { Ended } from './settlement.ts';

interface Remembered {
  readonly ended: Ended;
  readonly owner: Owner | undefined;
}

/**
 * How reservations ended, by token, so that a repeated delete is no error and a late call learns why.
 * Bounded: the oldest is forgotten first.
 */
export class Endings {
  readonly #endings = new Map<string, Remembered>();
  readonly #max: number;
  /** A ring of the tokens in their order: the first key of a Map is behind all that were deleted. */
  readonly #order: string[] = [];
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#endings.size;
  }

  /** Undefined also for whoever is not the owner. */
  get(token: string, owner: Owner | undefined): Ended | undefined {
    const remembered = this.#endings.get(token);
    return remembered?.owner === owner ? remembered?.ended : undefined;
  }

  remember(token: string, ended: Ended, owner: Owner | undefined): void {
    const known = this.#endings.has(token);
    this.#endings.set(token, { ended, owner });
    if (known) return;
    const oldest = this.#order[this.#next];
    if (oldest !== undefined) this.#endings.delete(oldest);
    this.#order[this.#next] = token;
    this.#next = (this.#next + 1) % this.#max;
  }
}
