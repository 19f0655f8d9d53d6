import type { Dated } from './calendar.ts';
import type { Reservation } from './reservation.ts';
import type { TubeSet } from './tube-set.ts';

type CallerOver = (caller: Caller, outcome: Reservation[] | Error) => void;

/** Whether the one who asked is still there; {@link onLeave} is called when it leaves. */
export interface Presence {
  readonly gone: boolean;
  onLeave: (() => void) | undefined;
}

/** Somebody who wants jobs of a set of tubes, until the answer is given. Moments are `performance.now()`. */
export class Caller implements Dated {
  slot: number | undefined;
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
  readonly #over: CallerOver;

  /** `over` is told once, with what was reserved or why nothing was. */
  constructor(
    set: TubeSet,
    request: { readonly timeout: number; readonly deadlineMs: number; readonly count: number },
    over: CallerOver,
  ) {
    const now = performance.now();
    this.set = set;
    this.#over = over;
    this.count = request.count;
    this.deadlineMs = request.deadlineMs;
    this.dueAt = now + request.timeout * 1000;
    this.deadlineAt = now + request.deadlineMs;
  }

  get answered(): boolean {
    return this.#answered;
  }

  answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#over(this, this.taken);
  }

  fail(error: Error): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#over(this, error);
  }
}
