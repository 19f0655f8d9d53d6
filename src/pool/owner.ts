import { PoolError } from './errors.ts';

export interface OwnerBounds {
  /** Reserves under way at once. */
  readonly maxWaits: number;
  /** Reservations held at once; a reserve under way counts as all that it may bring. */
  readonly maxReservations: number;
}

/** For whom jobs are reserved: nobody else may settle them, or learn that they are held. */
export class Owner {
  readonly name: string;
  bounds: OwnerBounds;
  #waits = 0;
  #claimed = 0;
  #held = 0;

  constructor(name: string, bounds: OwnerBounds) {
    this.name = name;
    this.bounds = bounds;
  }

  get held(): number {
    return this.#held;
  }

  /** Makes room for a reserve of so many jobs; throws `QUOTA` when there is none. {@link unclaim} gives it back. */
  claim(count: number): void {
    const { maxWaits, maxReservations } = this.bounds;
    if (this.#waits >= maxWaits) {
      throw new PoolError({ code: 'QUOTA', detail: `${this.name} has ${maxWaits} reserves under way` });
    }
    if (this.#held + this.#claimed + count > maxReservations) {
      throw new PoolError({
        code: 'QUOTA',
        detail: `${this.name} may hold ${maxReservations} reservations, those that it waits for included`,
      });
    }
    this.#waits += 1;
    this.#claimed += count;
  }

  unclaim(count: number): void {
    this.#waits -= 1;
    this.#claimed -= count;
  }

  began(): void {
    this.#held += 1;
  }

  ended(): void {
    this.#held -= 1;
  }
}
