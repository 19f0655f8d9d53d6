import type { TubeSet } from './tube-set.ts';

/** A set comes round this often while the budget allows. */
const ROUND_MS = 50;
/** What all rounds together may cost beanstalkd: 2000 commands a second, a few percent of what it can do. */
const COMMANDS_PER_ROUND = 100;

/**
 * Sets of tubes that have no connection to wait on take turns in asking. That is the degraded way: with more
 * sets than connections, or when the connections are used up by what they hold.
 */
export class Turns {
  readonly #sets = new Set<TubeSet>();
  #timer: NodeJS.Timeout | undefined;

  await(set: TubeSet): void {
    this.#sets.add(set);
    this.#timer ??= setInterval(this.#round, ROUND_MS);
  }

  close(): void {
    this.#sets.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #round = (): void => {
    let left = COMMANDS_PER_ROUND;
    // A set that asks for its next turn during this round is put behind those that are here now.
    for (const set of [...this.#sets]) {
      if (left <= 0) return;
      this.#sets.delete(set);
      // The reserve itself, and a `watch` and an `ignore` for each tube.
      left -= 1 + 2 * set.tubes.length;
      set.takeTurn();
    }
    if (this.#sets.size === 0) this.close();
  };
}
