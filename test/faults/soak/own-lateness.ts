const TICK_MS = 10;

/**
 * How late this process itself has been, all in all. What it measures of others seems late by as much, so that
 * much is taken off.
 */
export class OwnLateness {
  readonly #timer: NodeJS.Timeout;
  #nextAt = performance.now() + TICK_MS;
  #past = 0;

  constructor() {
    this.#timer = setInterval(() => {
      this.#past += this.#overdue();
      this.#nextAt = performance.now() + TICK_MS;
    }, TICK_MS);
  }

  get totalMs(): number {
    return this.#past + this.#overdue();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A tick is judged late from its own length on: a timer is never exact. */
  #overdue(): number {
    return Math.max(0, performance.now() - this.#nextAt - TICK_MS);
  }
}
