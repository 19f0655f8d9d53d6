import { Calendar } from './calendar.ts';
import { Caller, type Presence } from './caller.ts';
import { PoolError } from './errors.ts';
import type { Holder, NotToBeTaken, Taken } from './holder.ts';
import type { Holders } from './holders.ts';
import type { Owner } from './owner.ts';
import type { Reservation } from './reservation.ts';
import type { Reservations } from './reservations.ts';
import type { Server } from './server.ts';
import { NO_ROOM, TubeSet, type TubeSetHouse } from './tube-set.ts';
import { Turns } from './turns.ts';

/** Unused sets of tubes that are kept for their next caller. */
const UNUSED_SETS_MAX = 1_000;
/** beanstalkd's default, until its own `max-job-size` is known. */
const DEFAULT_MAX_JOB_SIZE = 65_535;

export interface ReserveRequest {
  readonly tubes: readonly string[];
  /** Seconds that beanstalkd may be waited for. */
  readonly timeout: number;
  /** Milliseconds after which the answer must be given, whatever happens. */
  readonly deadlineMs: number;
  /** The most reservations to take at once. */
  readonly count: number;
  /** Who leaves is given nothing. */
  readonly presence: Presence;
  /** Whose the reservations are; within its own bounds. */
  readonly owner?: Owner | undefined;
}

export interface ReservingOptions {
  readonly holders: Holders;
  readonly reservations: Reservations;
  readonly server: Server;
  readonly reserveSlice: number;
  readonly reserveGraceMs: number;
  readonly waitersMax: number;
  readonly responseMaxBytes: number;
}

/** Every way to a reservation: asking, waiting, and by the id of a job. */
export class Reserving implements TubeSetHouse {
  readonly #options: ReservingOptions;
  readonly #sets = new Map<string, TubeSet>();
  readonly #turns = new Turns();
  readonly #clock = new Calendar<Caller>((caller) => this.#onTime(caller));
  #waiters = 0;
  #stopping = false;

  constructor(options: ReservingOptions) {
    this.#options = options;
  }

  /** Callers that have no answer yet. */
  get waiters(): number {
    return this.#waiters;
  }

  get reserveSlice(): number {
    return this.#options.reserveSlice;
  }

  get reserveGraceMs(): number {
    return this.#options.reserveGraceMs;
  }

  /**
   * Resolves with what was taken; empty only when beanstalkd said so for these tubes, not before the timeout,
   * or when the caller has left. Rejects with `DEADLINE` when there was no word in time, and with
   * `TOO_MANY_WAITERS`, `QUOTA`, `OVERLOADED`, `SHUTTING_DOWN` or an error of the connection.
   */
  reserve(request: ReserveRequest): Promise<Reservation[]> {
    return new Promise((resolve, reject) => {
      this.#refuseWhenFull();
      const { presence, owner, count } = request;
      if (presence.gone) {
        resolve([]);
        return;
      }
      owner?.claim(count);
      const set = this.#setFor(request.tubes);
      const caller = new Caller(set, request, (over, outcome) => {
        presence.waiting = undefined;
        this.#clock.delete(over);
        this.#waiters -= 1;
        owner?.unclaim(count);
        if (outcome instanceof Error) {
          reject(outcome);
          return;
        }
        // Not as they come: until here they are among those claimed.
        for (const reservation of outcome) this.#options.reservations.handTo(owner, reservation);
        resolve(outcome);
      });
      this.#waiters += 1;
      presence.waiting = caller;
      this.#clock.set(
        caller,
        request.timeout === 0 ? caller.deadlineAt : Math.min(caller.dueAt, caller.deadlineAt),
      );
      set.add(caller);
    });
  }

  /** Takes this very job. Rejects with `JOB_NOT_FOUND`, `JOB_STATE_CONFLICT` when somebody holds it, and `QUOTA`. */
  async reserveJob(id: string, owner?: Owner): Promise<Reservation> {
    if (this.#stopping) throw new PoolError({ code: 'SHUTTING_DOWN' });
    this.#options.server.requireReserveJob();
    this.#options.reservations.claim(owner);
    try {
      const taken = await this.#onHolder((holder) => holder.takeJob(id));
      if (taken === undefined)
        throw new PoolError({ code: 'OVERLOADED', detail: 'all connections are in use' });
      const reservation = reservationOf(taken, id);
      this.#options.reservations.handTo(owner, reservation);
      return reservation;
    } finally {
      this.#options.reservations.unclaim(owner);
    }
  }

  async take(tubes: readonly string[]): Promise<Taken | undefined> {
    this.#options.reservations.claim();
    try {
      return await this.#onHolder((holder) => holder.take(tubes));
    } finally {
      this.#options.reservations.unclaim();
    }
  }

  async forWaiting(): Promise<Holder | undefined> {
    return this.#options.holders.forWaiting();
  }

  awaitTurn(set: TubeSet): void {
    this.#turns.await(set);
  }

  putBack(reservation: Reservation): void {
    this.#options.reservations.undeliver(reservation);
  }

  fill(caller: Caller, first: Reservation): void {
    caller.taken.push(first);
    if (caller.count === 1) caller.answer();
    else void this.#takeMore(caller);
  }

  /** Everybody who waits is answered empty; nobody else is let in. */
  beginStop(): void {
    this.#stopping = true;
    for (const set of this.#sets.values()) {
      for (const caller of [...set.callers]) caller.leave();
    }
  }

  close(): void {
    this.#turns.close();
    this.#clock.clear();
  }

  #refuseWhenFull(): void {
    if (this.#stopping) throw new PoolError({ code: 'SHUTTING_DOWN' });
    const { waitersMax } = this.#options;
    if (this.#waiters >= waitersMax) throw new PoolError({ code: 'TOO_MANY_WAITERS', max: waitersMax });
  }

  #setFor(tubes: readonly string[]): TubeSet {
    const names = tubes.length === 1 ? tubes : [...new Set(tubes)].sort();
    // No name of a tube has a space in it.
    const key = names.length === 1 ? (names[0] ?? '') : names.join(' ');
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size >= UNUSED_SETS_MAX) this.#forgetUnused();
    const set = new TubeSet(names, this);
    this.#sets.set(key, set);
    return set;
  }

  #forgetUnused(): void {
    for (const [key, set] of this.#sets) if (set.unused) this.#sets.delete(key);
  }

  #onTime(caller: Caller): void {
    if (performance.now() < caller.deadlineAt) {
      this.#clock.set(caller, caller.deadlineAt);
      caller.set.becomeDue(caller);
      return;
    }
    caller.set.remove(caller);
    if (caller.taken.length > 0) caller.answer();
    else caller.fail(new PoolError({ code: 'DEADLINE', deadlineMs: caller.deadlineMs }));
  }

  /** What else is ready is taken at once, as far as it surely fits into one answer. */
  async #takeMore(caller: Caller): Promise<void> {
    const { responseMaxBytes, server } = this.#options;
    const jobSize = server.maxJobSize ?? DEFAULT_MAX_JOB_SIZE;
    let bytes = caller.taken[0]?.body.length ?? 0;
    let ready = true;
    while (ready && !caller.answered && caller.taken.length < caller.count && bytes < responseMaxBytes) {
      const fitting = Math.max(1, Math.floor((responseMaxBytes - bytes) / jobSize));
      const wanted = Math.min(caller.count - caller.taken.length, fitting);
      const results = await Promise.all(
        Array.from({ length: wanted }, () => this.#takeOneMore(caller.set.tubes)),
      );
      for (const taken of results) {
        if (taken?.kind !== 'job') {
          ready = false;
        } else if (caller.answered || bytes + taken.reservation.body.length > responseMaxBytes) {
          ready = false;
          this.putBack(taken.reservation);
        } else {
          bytes += taken.reservation.body.length;
          caller.taken.push(taken.reservation);
        }
      }
    }
    if (caller.answered) return;
    // The connection may have been lost meanwhile, and with it what had been taken.
    const lost = caller.taken.filter(({ token }) => !this.#options.reservations.has(token));
    for (const reservation of lost) this.#options.reservations.delivered(reservation);
    if (lost.length < caller.taken.length) {
      caller.taken.splice(0, caller.taken.length, ...caller.taken.filter((one) => !lost.includes(one)));
      caller.answer();
    } else {
      caller.taken.length = 0;
      if (this.#stopping) caller.answer();
      else caller.set.add(caller);
    }
  }

  /** The first reservation is an answer already; what fails now shows itself to the next call. */
  #takeOneMore(tubes: readonly string[]): Promise<Taken | undefined> {
    return this.take(tubes).catch(() => undefined);
  }

  /**
   * Runs a reserve on a connection that may take one. Found and used in one turn of the event loop: a settle
   * that must not have a reserve behind it could come in between.
   */
  #onHolder<T>(reserve: (holder: Holder) => Promise<T>): Promise<T | undefined> {
    const found = this.#options.holders.forTaking();
    if (found instanceof Promise) return found.then(() => this.#onHolder(reserve));
    return found === undefined ? Promise.resolve(undefined) : reserve(found);
  }
}

function reservationOf(taken: Taken | NotToBeTaken, id: string): Reservation {
  switch (taken.kind) {
    case 'job':
      return taken.reservation;
    case 'refused':
      throw new PoolError({ code: 'OVERLOADED', detail: NO_ROOM });
    case 'not-to-be-taken': {
      const { job } = taken;
      if (job === undefined || job.state === 'invalid') throw new PoolError({ code: 'JOB_NOT_FOUND', id });
      throw new PoolError({ code: 'JOB_STATE_CONFLICT', id, state: job.state });
    }
    case 'gone':
    case 'empty':
      throw new PoolError({ code: 'JOB_NOT_FOUND', id });
  }
}
