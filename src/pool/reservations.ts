import { bury, deleteJob, release } from '../client/commands.ts';
import { BeanstalkdError } from '../client/errors.ts';
import type { JobStats } from '../client/stats.ts';
import type { BodyBudget } from './body-budget.ts';
import { Calendar } from './calendar.ts';
import { Endings } from './endings.ts';
import { type EndReason, PoolError } from './errors.ts';
import type { HeldObserver, Holder } from './holder.ts';
import type { Owner } from './owner.ts';
import type { Reservation } from './reservation.ts';
import { type Ended, type Ending, sameEnding } from './settlement.ts';

/** Pokes come at growing distances; a job that none of them frees is one that beanstalkd has orphaned. */
const POKES_MAX = 24;
const POKE_AGAIN_MAX_MS = 1_000;

export interface ReservationsOptions {
  /** Held at once; as many endings are remembered. */
  readonly max: number;
  readonly commandTimeoutMs: number;
  readonly bodies: BodyBudget;
}

/**
 * The registry of what is held, and every way in which a reservation ends.
 *
 * A settle whose reservation cannot expire before the command's deadline goes out at once. One that could
 * goes out only when no reserve is unanswered on its connection, behind a `touch` that was answered TOUCHED:
 * otherwise it could end the job of the next holder.
 */
export class Reservations implements HeldObserver {
  readonly #options: ReservationsOptions;
  readonly #byToken = new Map<string, Reservation>();
  readonly #endings: Endings;
  readonly #pokes = new Calendar<Reservation>((reservation) => this.#poke(reservation, 0));
  #claims = 0;
  #pokeCount = 0;
  #whenEmpty: (() => void)[] = [];

  constructor(options: ReservationsOptions) {
    this.#options = options;
    this.#endings = new Endings(options.max);
  }

  get size(): number {
    return this.#byToken.size;
  }

  has(token: string): boolean {
    return this.#byToken.has(token);
  }

  get endings(): number {
    return this.#endings.size;
  }

  get pokes(): number {
    return this.#pokeCount;
  }

  hasRoom(): boolean {
    return this.#byToken.size + this.#claims < this.#options.max;
  }

  /** Makes room for a reservation that a reserve may bring; throws `OVERLOADED` or `QUOTA` when there is none. */
  claim(owner?: Owner): void {
    if (!this.hasRoom()) {
      throw new PoolError({ code: 'OVERLOADED', detail: `${this.#options.max} reservations are held` });
    }
    owner?.claim(1);
    this.#claims += 1;
  }

  unclaim(owner?: Owner): void {
    owner?.unclaim(1);
    this.#claims -= 1;
    this.#checkEmpty();
  }

  /** Resolves when nothing is held and no reserve is under way. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
      this.#checkEmpty();
    });
  }

  /**
   * The job's statistics of this moment. Rejects with `RESERVATION_ENDED` or `RESERVATION_NOT_FOUND`, the latter
   * also for whoever is not its owner.
   */
  async get(token: string, owner?: Owner): Promise<{ readonly job: JobStats; readonly expiresAt: number }> {
    const reservation = await this.#live(token, owner);
    const job = await reservation.holder.stats(reservation.job.id);
    if (job === undefined || !this.has(token)) throw this.#over(token, owner);
    return { job, expiresAt: reservation.expiresAt };
  }

  /** Rejects like {@link get}, and with the errors of the connection; likewise the other endings. */
  delete(token: string, owner?: Owner): Promise<void> {
    return this.#settle(token, { reason: 'deleted' }, owner);
  }

  /** Without a priority the job keeps its own. `delay` in seconds. */
  release(
    token: string,
    { priority, delay }: { readonly priority?: number; readonly delay: number },
    owner?: Owner,
  ): Promise<void> {
    return this.#settle(token, { reason: 'released', priority, delay }, owner);
  }

  bury(token: string, { priority }: { readonly priority?: number }, owner?: Owner): Promise<void> {
    return this.#settle(token, { reason: 'buried', priority }, owner);
  }

  /** Begins the TTR anew; resolves with `expiresAt`, milliseconds since the epoch. */
  async touch(token: string, owner?: Owner): Promise<number> {
    const reservation = await this.#live(token, owner);
    const { holder, job } = reservation;
    const touch = () => {
      this.#requireStill(reservation);
      return holder.touch(job.id);
    };
    const touched = await (this.#mayExpireUnderWay(reservation)
      ? holder.quietly(async () => touch())
      : touch());
    if (touched === undefined) throw this.#gone(reservation);
    reservation.renew(touched);
    this.#requireStill(reservation);
    return reservation.expiresAt;
  }

  /** The answer with this reservation was handed to the kernel. */
  delivered(reservation: Reservation): void {
    this.#options.bodies.give(reservation.dropBody());
  }

  /** The answer did not reach its caller: the job is ready again at once, with its own priority. */
  undeliver(reservation: Reservation): void {
    this.delivered(reservation);
    // A failure means that it is not held any more, or that its connection is lost, which frees it as well.
    this.release(reservation.token, { delay: 0 }, reservation.owner).catch(() => {});
  }

  /** From now on it is this owner's, unless it has ended already. */
  handTo(owner: Owner | undefined, reservation: Reservation): void {
    if (owner === undefined || !this.has(reservation.token)) return;
    reservation.owner = owner;
    owner.began();
  }

  began(reservation: Reservation): void {
    this.#byToken.set(reservation.token, reservation);
    this.#pokes.set(reservation, reservation.expiredAt);
  }

  expired(reservation: Reservation): void {
    // An ending that was sent before has been answered before, and says by itself what it was.
    if (reservation.endingSent) reservation.holder.drop(reservation);
    else this.#end(reservation, { reason: 'expired' });
  }

  /** A connection broke: beanstalkd has all that it held ready again. */
  lost(holder: Holder): void {
    for (const reservation of [...holder.held.values()]) {
      this.#end(reservation, {
        reason: reservation.endingSent ? 'unknown' : 'connection-lost',
      });
    }
  }

  close(): void {
    this.#pokes.clear();
  }

  /** The reservation, once no ending of it is under way. */
  async #live(token: string, owner: Owner | undefined): Promise<Reservation> {
    for (;;) {
      const reservation = this.#find(token, owner);
      if (reservation === undefined) throw this.#over(token, owner);
      if (reservation.settlement === undefined) {
        if (reservation.mayExpireAt <= performance.now()) throw ended('expired');
        return reservation;
      }
      await reservation.settlement.done.catch(() => {});
    }
  }

  #find(token: string, owner: Owner | undefined): Reservation | undefined {
    const reservation = this.#byToken.get(token);
    return reservation?.owner === owner ? reservation : undefined;
  }

  #settle(token: string, ending: Ending, owner: Owner | undefined): Promise<void> {
    const reservation = this.#find(token, owner);
    if (reservation === undefined) return this.#settleAgain(token, ending, owner);
    const { settlement } = reservation;
    if (settlement === undefined) {
      if (reservation.mayExpireAt <= performance.now()) return Promise.reject(ended('expired'));
      const done = this.#carryOut(reservation, ending);
      reservation.settlement = { ending, done };
      return done;
    }
    if (sameEnding(settlement.ending, ending)) return settlement.done;
    const next = () => this.#settle(token, ending, owner);
    return settlement.done.then(next, next);
  }

  async #settleAgain(token: string, ending: Ending, owner: Owner | undefined): Promise<void> {
    const former = this.#endings.get(token, owner);
    if (former === undefined || !sameEnding(former, ending)) throw this.#over(token, owner);
  }

  async #carryOut(reservation: Reservation, ending: Ending): Promise<void> {
    try {
      const settled = this.#mayExpireUnderWay(reservation)
        ? await reservation.holder.quietly(() => this.#settleBehindTouch(reservation, ending))
        : await this.#send(reservation, ending);
      if (!settled) throw this.#gone(reservation);
      this.#end(reservation, ending);
      // Also when the connection broke right behind the answer, which ended it otherwise.
      this.#endings.remember(reservation.token, ending, reservation.owner);
    } catch (error) {
      const failure = reservation.endingSent ? error : beforeSending(error);
      reservation.settlement = undefined;
      reservation.endingSent = false;
      if (failure instanceof BeanstalkdError) this.#failed(reservation, failure);
      throw failure;
    }
  }

  async #settleBehindTouch(reservation: Reservation, ending: Ending): Promise<boolean> {
    this.#requireStill(reservation);
    const touched = await reservation.holder.touch(reservation.job.id);
    if (touched === undefined) return false;
    reservation.renew(touched);
    this.#requireStill(reservation);
    return this.#send(reservation, ending);
  }

  /** The reserve that was waited for may have brought this very job to its next holder. */
  #requireStill(reservation: Reservation): void {
    if (!this.has(reservation.token)) throw this.#over(reservation.token, reservation.owner);
  }

  /** False when the job is not held any more. */
  async #send(reservation: Reservation, ending: Ending): Promise<boolean> {
    const { holder, job } = reservation;
    reservation.endingSent = true;
    switch (ending.reason) {
      case 'deleted':
        return (await holder.execute(deleteJob(job.id))).name === 'DELETED';
      case 'buried':
        return (await holder.execute(bury(job.id, ending.priority ?? job.pri))).name === 'BURIED';
      case 'released': {
        const reply = await holder.execute(release(job.id, ending.priority ?? job.pri, ending.delay));
        if (reply.name === 'BURIED') {
          this.#end(reservation, { reason: 'buried', priority: ending.priority });
          throw new PoolError({ code: 'JOB_BURIED', id: job.id }, 'unknown');
        }
        return reply.name === 'RELEASED';
      }
    }
  }

  /** What a failed ending leaves: nothing was sent; or the connection's end decides; or nobody knows. */
  #failed(reservation: Reservation, error: BeanstalkdError): void {
    const { token, owner } = reservation;
    if (this.#endings.get(token, owner) !== undefined) {
      if (error.outcome === 'none') this.#endings.remember(token, { reason: 'connection-lost' }, owner);
    } else if (error.outcome === 'unknown') {
      // INTERNAL_ERROR, OUT_OF_MEMORY: held by nobody, or half gone (BEANSTALKD.md, section 5).
      this.#end(reservation, { reason: 'unknown' });
    }
  }

  #mayExpireUnderWay(reservation: Reservation): boolean {
    return reservation.mayExpireAt - performance.now() <= this.#options.commandTimeoutMs;
  }

  /** beanstalkd says that the job is not held by us. */
  #gone(reservation: Reservation): PoolError {
    this.#end(reservation, { reason: 'expired' });
    return this.#over(reservation.token, reservation.owner);
  }

  #over(token: string, owner: Owner | undefined): PoolError {
    const former = this.#endings.get(token, owner);
    return former === undefined ? new PoolError({ code: 'RESERVATION_NOT_FOUND' }) : ended(former.reason);
  }

  #end(reservation: Reservation, how: Ended): void {
    if (!this.#byToken.delete(reservation.token)) return;
    this.#pokes.delete(reservation);
    reservation.holder.drop(reservation);
    reservation.owner?.ended();
    this.#endings.remember(reservation.token, how, reservation.owner);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#byToken.size > 0 || this.#claims > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /**
   * beanstalkd often forgets to expire a job whose connection is idle; any command on that connection
   * reminds it (BEANSTALKD.md, fact 2). Asked again until the job is gone from us.
   */
  async #poke(reservation: Reservation, attempt: number): Promise<void> {
    if (this.#byToken.get(reservation.token) !== reservation) return;
    if (performance.now() < reservation.expiredAt) {
      this.#pokes.set(reservation, reservation.expiredAt);
      return;
    }
    this.#pokeCount += 1;
    const { holder, job } = reservation;
    const now = await holder.stats(job.id).catch(() => 'not said' as const);
    if (holder.broken) return;
    const touchedMeanwhile = performance.now() < reservation.expiredAt;
    if (touchedMeanwhile || reservation.settlement !== undefined) {
      this.#pokes.set(reservation, Math.max(reservation.expiredAt, performance.now() + POKE_AGAIN_MAX_MS));
      return;
    }
    const ours = now === 'not said' || (now?.state === 'reserved' && now.reserves === job.reserves);
    if (ours && now !== 'not said' && now.timeLeft > 0) {
      // A touch was carried out whose answer has come together with this one, and is not taken in yet.
      this.#pokes.set(reservation, performance.now() + POKE_AGAIN_MAX_MS);
      return;
    }
    if (!ours || attempt >= POKES_MAX) {
      this.#end(reservation, { reason: 'expired' });
      return;
    }
    setTimeout(() => this.#poke(reservation, attempt + 1), Math.min(POKE_AGAIN_MAX_MS, 5 * 2 ** attempt));
  }
}

/** Whatever failed ahead of an ending, the ending itself was not carried out. */
const beforeSending = (error: unknown) =>
  error instanceof BeanstalkdError
    ? new BeanstalkdError(error.code, 'none', error.message, { cause: error })
    : error;

const ended = (reason: EndReason) => new PoolError({ code: 'RESERVATION_ENDED', reason });
