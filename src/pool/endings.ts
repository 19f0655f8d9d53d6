import type { Ended } from './settlement.ts';

/**
 * How reservations ended, by token, so that a repeated delete is no error and a late call learns why.
 * Bounded: the oldest is forgotten first.
 */
export class Endings {
  readonly #max: number;
  readonly #endings = new Map<string, Ended>();

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
    this.#endings.set(token, ended);
    if (this.#endings.size <= this.#max) return;
    for (const oldest of this.#endings.keys()) {
      this.#endings.delete(oldest);
      return;
    }
  }
}
