import { Line, type Place } from '../pool/line.ts';
import { Problem, toProblem } from './problem.ts';

interface First<T> {
  readonly key: string;
  readonly fingerprint: string;
  readonly result: Promise<T>;
  /** Once it is over: how many results it stands for, and when it is forgotten. */
  count: number;
  forgetAt: number;
  place: Place<First<T>> | undefined;
}

export interface FirstResultsOptions<T> {
  readonly ttlMs: number;
  /** How many results are remembered; beyond it the oldest are forgotten before their time. */
  readonly max: number;
  /** How many results this one stands for; 0 when nothing was done, so that a retry may do it. */
  readonly countOf: (result: T) => number;
}

/**
 * What came of calls, by the keys that their callers made up: a repeated one is told what came of the first, and is not
 * carried out (draft-ietf-httpapi-idempotency-key-header-07). In the memory of this process, and gone with it.
 */
export class FirstResults<T> {
  readonly #options: FirstResultsOptions<T>;
  readonly #firsts = new Map<string, First<T>>();
  /** Those that are over, in the order in which they are forgotten. */
  readonly #over = new Line<First<T>>();
  #size = 0;

  constructor(options: FirstResultsOptions<T>) {
    this.#options = options;
  }

  /** Results remembered at this moment. */
  get size(): number {
    this.#forgetOld();
    return this.#size;
  }

  /**
   * Carries out the first call with this key. Later ones share what comes of it, at the same time too; with another
   * fingerprint they are refused as `idempotency-key-reused`. A failure with the outcome `none` is not remembered.
   */
  once(key: string, fingerprint: string, carryOut: () => Promise<T>): Promise<T> {
    this.#forgetOld();
    const known = this.#firsts.get(key);
    if (known !== undefined) {
      return known.fingerprint === fingerprint ? known.result : Promise.reject(reused());
    }
    const result = carryOut();
    const first: First<T> = { key, fingerprint, result, count: 0, forgetAt: 0, place: undefined };
    this.#firsts.set(key, first);
    result.then(
      (done) => this.#remember(first, this.#options.countOf(done)),
      (error) => this.#remember(first, toProblem(error).outcome === 'none' ? 0 : 1),
    );
    return result;
  }

  #remember(first: First<T>, count: number): void {
    if (count === 0) {
      this.#firsts.delete(first.key);
      return;
    }
    first.count = count;
    first.forgetAt = performance.now() + this.#options.ttlMs;
    first.place = this.#over.push(first);
    this.#size += count;
    this.#forgetOld();
  }

  #forgetOld(): void {
    const now = performance.now();
    for (;;) {
      const oldest = this.#over.first;
      if (oldest === undefined) return;
      if (oldest.forgetAt > now && this.#size <= this.#options.max) return;
      this.#over.leave(oldest.place);
      this.#firsts.delete(oldest.key);
      this.#size -= oldest.count;
    }
  }
}

const reused = () =>
  new Problem('idempotency-key-reused', 'this Idempotency-Key came with another request before');
