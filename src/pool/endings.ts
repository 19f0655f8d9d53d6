import type { Ended } from './settlement.ts';

/**
 * How reservations ended, by token, so that a repeated delete is no error and a late call learns why.
 * Bounded: the oldest is forgotten first.
 */
export class Endings {
  readonly #endings = new Map<string, Ended>();
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

  get(token: string): Ended | undefined {
    return this.#endings.get(token);
  }

  remember(token: string, ended: Ended): void {
    const known = this.#endings.has(token);
    this.#endings.set(token, ended);
    if (known) return;
    const oldest = this.#order[this.#next];
    if (oldest !== undefined) this.#endings.delete(oldest);
    this.#order[this.#next] = token;
    this.#next = (this.#next + 1) % this.#max;
  }
}
