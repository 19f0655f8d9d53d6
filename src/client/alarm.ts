/** setTimeout fires at once for more. */
const TIMER_MAX_MS = 2_147_483_647;

/** One timer for many moments: it rings at the earliest of them, and is then to be set anew. */
export class Alarm {
  readonly #onRing: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(onRing: () => void) {
    this.#onRing = onRing;
  }

  /** @param at by `performance.now()`; later than the moment set already, it changes nothing */
  ringAt(at: number): void {
    if (at >= this.#at || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(this.#onTimer, Math.min(TIMER_MAX_MS, Math.max(1, at - performance.now())));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** After a pause of this process the answer may be here already: it is read before its deadline is judged. */
  #onTimer = (): void => {
    setImmediate(this.#ring);
  };

  #ring = (): void => {
    if (this.#stopped) return;
    this.#at = Number.POSITIVE_INFINITY;
    this.#onRing();
  };
}
