import type { Dated } from './calendar.ts';
import type { Place } from './line.ts';
import type { Reservation } from './reservation.ts';
import type { TubeSet } from './tube-set.ts';

type CallerOver = (caller: Caller, outcome: Reservation[] | Error) => void;

/**
 * Whether the one who asked is still there; when it leaves, {@link waiting} is told. An object and no function, since
 * V8 of Node 20 keeps all that functions set anew at every call can reach until it collects the old.
 */
export interface Presence {
  readonly gone: boolean;
  waiting: { leave(): void } | undefined;
}

/** Somebody who wants jobs of a set of tubes, until the answer is given. Moments are `performance.now()`. */
export class Caller implements Dated<Caller> {
  slot: number | undefined;
  slotPlace: Place<Caller> | undefined;
  /** Among all callers of its set, and among those whose timeout has passed; a place whose line is undefined is none. */
  place: Place<Caller> | undefined;
  duePlace: Place<Caller> | undefined;
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
    request: {
      readonly timeout: number;
      readonly deadlineMs: number;
      readonly count: number;
    },
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

  /** It wants nothing any more, and gets nothing. */
  leave(): void {
    this.set.leave(this);
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
