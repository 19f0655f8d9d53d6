import { release, reserveJob, reserveWithTimeout, statsJob, touch } from '../client/commands.ts';
import type { Connection } from '../client/connection.ts';
import type { ReplyOf } from '../client/decode.ts';
import { type JobStats, readJobStats } from '../client/stats.ts';
import type { BodyBudget } from './body-budget.ts';
import { type Interval, Reservation } from './reservation.ts';

/**
 * What a reserve brought.
 * - `job`: a reservation.
 * - `empty`: no tube had a ready job at a moment that was not before `provenAt`.
 * - `gone`: a job came, and was no longer ours when its statistics were read.
 * - `refused`: a job came, there was no room for it, and it is ready again.
 */
export type Taken =
  | { readonly kind: 'job'; readonly reservation: Reservation }
  | { readonly kind: 'empty'; readonly provenAt: number }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused' };

/** The answer to `reserve-job` for a job that is reserved, or does not exist. */
export interface NotToBeTaken {
  readonly kind: 'not-to-be-taken';
  readonly job: JobStats | undefined;
}

const GONE: Taken = { kind: 'gone' };
const REFUSED: Taken = { kind: 'refused' };

/** A job is asked about so often before it is given back unseen. */
const ATTEMPTS = 3;
/** For a job whose own beanstalkd did not say. Closing the connection would keep it, and end all that is held there. */
const USUAL_PRIORITY = 1_024;

/** More on one connection make every delete slower: beanstalkd scans them (DESIGN.md, Holding). */
const HELD_MAX = 1_000;

/** Told of what a holder holds. */
export interface HeldObserver {
  /** One more reservation may be held. A take has made sure of it beforehand; a wait cannot. */
  hasRoom(): boolean;
  began(reservation: Reservation): void;
  /** beanstalkd gave the job of this reservation to somebody: its TTR had run out. */
  expired(reservation: Reservation): void;
}

/**
 * A connection that holds reservations, waits for one, or is idle. It never does two of it: a connection
 * that waits answers nothing else (BEANSTALKD.md, fact 1).
 */
export class Holder {
  readonly #connection: Connection;
  readonly #bodies: BodyBudget;
  readonly #observer: HeldObserver;
  /** By the id of the job. */
  readonly #held = new Map<string, Reservation>();
  #waiting = false;
  #taking = 0;
  #quieting = 0;
  #whenQuiet: (() => void)[] = [];
  #idleSince = performance.now();

  constructor(connection: Connection, bodies: BodyBudget, observer: HeldObserver) {
    this.#connection = connection;
    this.#bodies = bodies;
    this.#observer = observer;
  }

  get held(): ReadonlyMap<string, Reservation> {
    return this.#held;
  }

  get waiting(): boolean {
    return this.#waiting;
  }

  get broken(): boolean {
    return this.#connection.broken !== undefined;
  }

  get underWay(): number {
    return this.#connection.underWay;
  }

  get idle(): boolean {
    return (
      this.#held.size === 0 && this.#taking === 0 && this.#quieting === 0 && !this.#waiting && !this.broken
    );
  }

  idleSince(): number {
    return this.idle ? this.#idleSince : Number.POSITIVE_INFINITY;
  }

  /** May reserve without waiting. */
  get canTake(): boolean {
    return (
      !this.#waiting && this.#quieting === 0 && !this.broken && this.#held.size + this.#taking < HELD_MAX
    );
  }

  /** `reserve-with-timeout 0`. */
  async take(tubes: readonly string[]): Promise<Taken> {
    this.#taking += 1;
    try {
      const from = performance.now();
      const reply = await this.#connection.execute(reserveWithTimeout(tubes, 0));
      // DEADLINE_SOON says that nothing was ready, no more (BEANSTALKD.md, section 3).
      if (reply.name !== 'RESERVED') return { kind: 'empty', provenAt: from };
      return await this.#began(reply, { from, to: performance.now() });
    } finally {
      this.#taken();
    }
  }

  /** `reserve-job`. */
  async takeJob(id: string): Promise<Taken | NotToBeTaken> {
    this.#taking += 1;
    try {
      const from = performance.now();
      const reply = await this.#connection.execute(reserveJob(id));
      if (reply.name !== 'RESERVED') return { kind: 'not-to-be-taken', job: await this.stats(id) };
      return await this.#began(reply, { from, to: performance.now() });
    } finally {
      this.#taken();
    }
  }

  /** Marks the connection as waiting before it does, so that no other work is given to it meanwhile. */
  claimForWaiting(): void {
    this.#waiting = true;
  }

  unclaim(): void {
    this.#waiting = false;
    this.#idleSince = performance.now();
  }

  /**
   * `reserve-with-timeout`, between {@link claimForWaiting} and {@link unclaim}.
   * @param graceMs how much later than its timeout the answer may come before the connection is broken
   */
  async wait(tubes: readonly string[], seconds: number, graceMs: number): Promise<Taken> {
    const sentAt = performance.now();
    const reply = await this.#connection.execute(
      reserveWithTimeout(tubes, seconds),
      seconds * 1000 + graceMs,
    );
    switch (reply.name) {
      case 'RESERVED':
        return this.#beganAfterWait(reply);
      case 'TIMED_OUT':
        return { kind: 'empty', provenAt: sentAt + seconds * 1000 };
      case 'DEADLINE_SOON':
        // It holds a job of which nobody here knows: that is ready again with the end of the connection.
        this.close();
        return GONE;
    }
  }

  /** Ends a wait. The connection is of no use afterwards. */
  hangUp(): void {
    this.#connection.hangUp();
  }

  close(): void {
    this.#connection.destroy();
  }

  /** The reservation's job is no longer held here. */
  drop(reservation: Reservation): void {
    if (this.#held.get(reservation.job.id) === reservation) this.#held.delete(reservation.job.id);
    if (this.#held.size === 0) this.#idleSince = performance.now();
  }

  execute: Connection['execute'] = (command, timeoutMs) => this.#connection.execute(command, timeoutMs);

  /** Undefined when beanstalkd does not know the job. */
  stats(id: string): Promise<JobStats | undefined> {
    return this.#connection.execute(statsJob(id)).then(statsIn);
  }

  /** Touches a job; undefined when it is not held here any more. */
  async touch(id: string): Promise<Interval | undefined> {
    const from = performance.now();
    const reply = await this.#connection.execute(touch(id));
    return reply.name === 'TOUCHED' ? { from, to: performance.now() } : undefined;
  }

  /**
   * Runs work while no reserve is unanswered on this connection: behind one, a command for a job whose TTR
   * has run out would act on the job's next holder, when both came by this connection.
   */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    this.#quieting += 1;
    try {
      if (this.#taking > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
      return await work();
    } finally {
      this.#quieting -= 1;
    }
  }

  #taken(): void {
    this.#taking -= 1;
    if (this.#taking > 0) return;
    this.#idleSince = performance.now();
    for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }

  async #began(reply: ReplyOf<'RESERVED'>, began: Interval): Promise<Taken> {
    this.#endFormer(reply.id);
    try {
      const job = await this.#orGiveBack(reply.id, () => this.stats(reply.id));
      if (job?.state === 'reserved') return await this.#hold(reply.body, job, began);
    } catch (error) {
      this.#giveBack(reply.body);
      throw error;
    }
    this.#giveBack(reply.body);
    return GONE;
  }

  /**
   * After a wait the job may have been assigned long before its answer came, and only TOUCHED makes it ours:
   * `stats-job` says `reserved` also when somebody else holds it. Both leave in one write.
   */
  async #beganAfterWait(reply: ReplyOf<'RESERVED'>): Promise<Taken> {
    try {
      const [touched, job] = await this.#orGiveBack(reply.id, () =>
        Promise.all([this.touch(reply.id), this.stats(reply.id)]),
      );
      if (touched !== undefined && job !== undefined) {
        if (this.#observer.hasRoom()) return await this.#hold(reply.body, job, touched);
        await this.#putBack(job);
        this.#giveBack(reply.body);
        return REFUSED;
      }
    } catch (error) {
      this.#giveBack(reply.body);
      throw error;
    }
    this.#giveBack(reply.body);
    return GONE;
  }

  /** What asks about a job just taken: refused, it would leave the job held by us and known to nobody. */
  #orGiveBack<T>(id: string, ask: () => Promise<T>, left = ATTEMPTS - 1): Promise<T> {
    return ask().catch(async (error: unknown) => {
      if (this.broken) throw error;
      if (left > 0) return this.#orGiveBack(id, ask, left - 1);
      await this.#connection.execute(release(id, USUAL_PRIORITY, 0));
      throw error;
    });
  }

  #hold(body: Buffer | undefined, job: JobStats, began: Interval): Taken | Promise<Taken> {
    if (body === undefined) return this.#putBack(job).then(() => REFUSED);
    // By what came right behind the answer: it has been told of its end already.
    if (this.broken) {
      this.#giveBack(body);
      return GONE;
    }
    this.#endFormer(job.id);
    const reservation = new Reservation(this, job, body, began);
    this.#held.set(job.id, reservation);
    this.#observer.began(reservation);
    if (reservation.mayExpireAt > performance.now()) return { kind: 'job', reservation };
    // Too late to hand out; it stays registered for the poke.
    this.#giveBack(body);
    reservation.dropBody();
    return GONE;
  }

  async #putBack(job: JobStats): Promise<void> {
    await this.#connection.execute(release(job.id, job.pri, 0));
  }

  /** beanstalkd gave us a job that is still registered here: it had taken it back in between. */
  #endFormer(id: string): void {
    const former = this.#held.get(id);
    if (former !== undefined) this.#observer.expired(former);
  }

  #giveBack(body: Buffer | undefined): void {
    if (body !== undefined) this.#bodies.give(body.length);
  }
}

const statsIn = (reply: ReplyOf<'OK' | 'NOT_FOUND'>): JobStats | undefined =>
  reply.name === 'OK' ? readJobStats(reply.body) : undefined;
