import { createHash } from 'node:crypto';

/** Random choices that a seed replays. A stream of them does not depend on what other streams have drawn. */
export class Choices {
  readonly #stream: string;
  #drawn = 0;

  constructor(seed: number, stream: string) {
    this.#stream = `${seed} ${stream}`;
  }

  /** From 0 up to 1, and never 1. */
  fraction(): number {
    this.#drawn += 1;
    const drawn = createHash('sha256').update(`${this.#stream} ${this.#drawn}`).digest();
    return drawn.readUInt32BE() / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Both bounds may come. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  /** Between the two, and rather near the lower one: each doubling is as likely as the next. */
  mostlyShort(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.fraction());
  }

  oneOf<T>(things: readonly [T, ...T[]]): T {
    return things[this.integer(0, things.length - 1)] ?? things[0];
  }

  /** One of the keys, each as often as its number says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    throw new Error('nothing to choose from');
  }

  shuffled<T>(things: readonly T[]): T[] {
    return things
      .map((thing) => ({ thing, at: this.fraction() }))
      .sort((one, other) => one.at - other.at)
      .map(({ thing }) => thing);
  }
}
