import type { BodyMemory } from '../client/decode.ts';

/** The memory of all job bodies in flight, both ways. Whoever takes gives back exactly as much. */
export class BodyBudget implements BodyMemory {
  readonly max: number;
  #used = 0;

  /** @param max bytes */
  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
