import type { Reservation } from './reservation.ts';
import type { TubeSet } from './tube-set.ts';

/** Somebody who wants jobs of a set of tubes, until the answer is given. Moments are `performance.now()`. */
export class Caller {
  readonly set: TubeSet;
  /** The most reservations that one answer may carry. */
  readonly count: number;
  readonly deadlineMs: number;
  /** The server-side timeout is over: from here on an empty answer is one, if beanstalkd gives it. */
  readonly dueAt: number;
  /** The client-side deadline: from here on there is no more waiting for word. */
  readonly deadlineAt: number;
  readonly taken: Reservation[] = [];
  #answered = false;
  readonly #resolve: (reservations: Reservation[]) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    set: TubeSet,
    request: { readonly timeout: number; readonly deadlineMs: number; readonly count: number },
    resolve: (reservations: Reservation[]) => void,
    reject: (error: Error) => void,
  ) {
    const now = performance.now();
    this.set = set;
    this.count = request.count;
    this.deadlineMs = request.deadlineMs;
    this.dueAt = now + request.timeout * 1000;
    this.deadlineAt = now + request.deadlineMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get answered(): boolean {
    return this.#answered;
  }

  answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#resolve(this.taken);
  }

  fail(error: Error): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#reject(error);
  }
}
