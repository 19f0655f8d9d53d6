import type { Caller } from './caller.ts';
import { BeanstalkdError, PoolError } from './errors.ts';
import type { Holder, Taken } from './holder.ts';
import { Line } from './line.ts';
import type { Reservation } from './reservation.ts';

/** Reserves under way at once for one set of tubes. */
const TAKES_MAX = 64;

/** What a set of tubes needs from the pool. */
export interface TubeSetHouse {
  /** Seconds: the longest single wait. */
  readonly reserveSlice: number;
  readonly reserveGraceMs: number;
  /** Reserves without waiting; undefined when no connection can be had for it. */
  take(tubes: readonly string[]): Promise<Taken | undefined>;
  /** A connection claimed for waiting; undefined when none can be had. */
  forWaiting(): Promise<Holder | undefined>;
  /** Asks to be called with {@link TubeSet.takeTurn} in a moment. */
  awaitTurn(set: TubeSet): void;
  /** Completes the caller's answer, which begins with this reservation. */
  fill(caller: Caller, first: Reservation): void;
  putBack(reservation: Reservation): void;
}

/**
 * All callers that want jobs of the same tubes, in the order in which they came, and what is done for them:
 * takes, which ask without waiting, and one connection that waits for all.
 */
export class TubeSet {
  readonly tubes: readonly string[];
  readonly #house: TubeSetHouse;
  readonly #callers = new Line<Caller>();
  /** Those whose timeout has passed: the next true empty is their answer. */
  readonly #due = new Line<Caller>();
  #latestDueAt = 0;
  /** How many jobs may be ready: doubled by each that comes, none after an empty. */
  #expected = TAKES_MAX;
  #takes = 0;
  #waiting: Holder | undefined;
  #startingWait = false;
  /** Until its next turn it cannot ask, or cannot wait. */
  #takesRest = false;
  #waitRests = false;

  constructor(tubes: readonly string[], house: TubeSetHouse) {
    this.tubes = tubes;
    this.#house = house;
  }

  get callers(): Iterable<Caller> {
    return this.#callers;
  }

  /** Nobody asks, and nothing is under way. */
  get unused(): boolean {
    return (
      this.#callers.length === 0 && this.#takes === 0 && this.#waiting === undefined && !this.#startingWait
    );
  }

  add(caller: Caller): void {
    caller.place = this.#callers.push(caller);
    this.#latestDueAt = Math.max(this.#latestDueAt, caller.dueAt);
    if (caller.dueAt <= performance.now()) {
      caller.duePlace = this.#due.push(caller);
      // Who does not wait is not made to wait for a turn either.
      this.#takesRest = false;
    }
    this.pump();
  }

  becomeDue(caller: Caller): void {
    if (caller.place?.line !== this.#callers || caller.duePlace?.line === this.#due) return;
    caller.duePlace = this.#due.push(caller);
    this.pump();
  }

  /** Takes a caller out of the line. */
  remove(caller: Caller): void {
    this.#takeOut(caller);
    if (this.#callers.length === 0) this.#hangUp();
  }

  /** Nobody is there for what was taken for this caller. */
  leave(caller: Caller): void {
    this.remove(caller);
    for (const reservation of caller.taken.splice(0)) this.#house.putBack(reservation);
    caller.answer();
  }

  /** The turn of a set that could not ask or not wait: it asks once, and tries to wait. */
  takeTurn(): void {
    this.#takesRest = false;
    this.#waitRests = false;
    this.#expected = Math.max(this.#expected, 1);
    this.pump();
  }

  /** Does what the callers need next. */
  pump(): void {
    if (this.#callers.length === 0) {
      this.#hangUp();
      return;
    }
    if (this.#takesRest) return;
    const wanted = Math.min(this.#callers.length, Math.max(this.#expected, this.#due.length > 0 ? 1 : 0));
    for (let more = wanted - this.#takes; more > 0; more -= 1) void this.#take();
    const mayWait = this.#waiting === undefined && !this.#startingWait && !this.#waitRests;
    if (wanted === 0 && this.#takes === 0 && mayWait) void this.#wait();
  }

  async #take(): Promise<void> {
    this.#takes += 1;
    try {
      const taken = await this.#house.take(this.tubes);
      if (taken === undefined) this.#rest();
      // One empty is no answer for those whose own take is still under way, and may bring a job.
      else this.#took(taken, this.#due, this.#due.length - (this.#takes - 1));
    } catch (error) {
      this.#failed(error, this.#due.length - (this.#takes - 1));
    } finally {
      this.#takes -= 1;
    }
    this.pump();
  }

  async #wait(): Promise<void> {
    this.#startingWait = true;
    const holder = await this.#findHolder();
    // In the same turn in which the wait begins, or a pump in between would begin another.
    this.#startingWait = false;
    if (holder === undefined) {
      this.#waitRests = true;
      this.#house.awaitTurn(this);
      return;
    }
    if (this.#callers.length > 0) await this.#waitOn(holder);
    else holder.unclaim();
    this.pump();
  }

  async #findHolder(): Promise<Holder | undefined> {
    try {
      return await this.#house.forWaiting();
    } catch (error) {
      this.#failed(error, this.#due.length - this.#takes);
      return undefined;
    }
  }

  async #waitOn(holder: Holder): Promise<void> {
    this.#waiting = holder;
    const longest = Math.ceil((this.#latestDueAt - performance.now()) / 1000);
    const seconds = Math.min(this.#house.reserveSlice, Math.max(1, longest));
    let taken: Taken | undefined;
    let failure: unknown;
    try {
      taken = await holder.wait(this.tubes, seconds, this.#house.reserveGraceMs);
    } catch (error) {
      failure = error;
    }
    holder.unclaim();
    const hungUp = this.#waiting !== holder;
    if (!hungUp) this.#waiting = undefined;
    if (taken !== undefined) this.#took(taken, this.#callers, this.#callers.length);
    else if (!hungUp) this.#failed(failure, this.#due.length - this.#takes);
  }

  /** @param mayBeAnswered whom an empty may answer, and how many of them. */
  #took(taken: Taken, mayBeAnswered: Line<Caller>, atMost: number): void {
    switch (taken.kind) {
      case 'job':
        this.#expected = Math.min(TAKES_MAX, Math.max(1, this.#expected * 2));
        this.#hand(taken.reservation);
        return;
      case 'empty':
        this.#expected = 0;
        this.#answerEmpty(mayBeAnswered, atMost, taken.provenAt);
        return;
      case 'gone':
        this.#expected = Math.max(1, this.#expected);
        return;
      case 'refused':
        this.#first()?.fail(new PoolError({ code: 'OVERLOADED', detail: NO_ROOM }));
    }
  }

  #hand(reservation: Reservation): void {
    const caller = this.#first();
    if (caller === undefined) this.#house.putBack(reservation);
    else this.#house.fill(caller, reservation);
  }

  #answerEmpty(callers: Line<Caller>, atMost: number, provenAt: number): void {
    let left = atMost;
    for (const caller of callers) {
      if (left <= 0) return;
      if (caller.dueAt > provenAt) continue;
      left -= 1;
      this.#takeOut(caller);
      caller.answer();
    }
  }

  /** Takes the first out of the line. */
  #first(): Caller | undefined {
    const { first } = this.#callers;
    if (first !== undefined) this.#takeOut(first);
    return first;
  }

  #takeOut(caller: Caller): void {
    this.#callers.leave(caller.place);
    this.#due.leave(caller.duePlace);
  }

  /**
   * Those who still have time go on waiting, whatever it is. For those who have not, a broken connection says
   * nothing yet: it is tried again, until their deadline. Any other failure is the answer of at most so many,
   * the last in line first: the others' takes are still under way.
   */
  #failed(error: unknown, atMost: number): void {
    this.#rest();
    if (error instanceof BeanstalkdError && RETRIED.has(error.code)) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    const first = Math.max(0, this.#due.length - Math.max(0, atMost));
    for (const caller of [...this.#due].slice(first)) {
      this.remove(caller);
      caller.fail(failure);
    }
  }

  #rest(): void {
    this.#expected = 0;
    this.#takesRest = true;
    this.#house.awaitTurn(this);
  }

  #hangUp(): void {
    this.#latestDueAt = 0;
    const holder = this.#waiting;
    this.#waiting = undefined;
    holder?.hangUp();
  }
}

/** Why a job that came was put back. */
export const NO_ROOM =
  'the job that came could not be kept: the memory for bodies or the reservations are used up';

const RETRIED: ReadonlySet<string> = new Set(['CONNECTION_LOST', 'TIMEOUT']);
