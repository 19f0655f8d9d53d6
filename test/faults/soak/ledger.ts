import { bodyOf, jobIn } from './bodies.ts';
import {
  announced,
  type Delivered,
  type Ending,
  Reservation,
  type Span,
  type Verdict,
} from './reservation.ts';
import type { Violations } from './violations.ts';

/** What a producer was told of its put. */
export type PutVerdict = 'acknowledged' | 'none' | 'unknown';

/** A job as its callers know it. */
export interface Job {
  readonly number: number;
  readonly body: string;
  /** beanstalkd's id, as soon as somebody was told. */
  id: string | undefined;
  put: PutVerdict | undefined;
  /** It was delivered or found, so it exists. */
  seen: boolean;
  /** A DELETE was sent whose outcome nobody knows. */
  mayBeDeleted: boolean;
  readonly reservations: Reservation[];
}

/** A reservation and the job that it is of. */
export interface Held {
  readonly job: Job;
  readonly reservation: Reservation;
}

/** The whole account, when all is over. */
export interface Balance {
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  /** Puts of unknown outcome whose job was seen. */
  readonly arrived: number;
  readonly deliveries: number;
  readonly finished: number;
  /** The outcome of a DELETE is unknown, and the job is gone. */
  readonly finishedUnanswered: number;
  readonly stillThere: number;
}

/**
 * Every job from its put to its end, as producers and workers were told, against the promises. A job that is
 * finished, or was refused, leaves only its number behind, so that its return is noticed.
 */
export class Ledger {
  /** Why jobs were delivered once more, and how often. */
  readonly again = new Map<string, number>();
  readonly #seed: number;
  readonly #violations: Violations;
  readonly #jobs = new Map<number, Job>();
  readonly #finished = new Set<number>();
  readonly #refused = new Set<number>();
  #numbers = 0;
  #acknowledged = 0;
  #unknown = 0;
  #arrived = 0;
  #deliveries = 0;

  constructor(seed: number, violations: Violations) {
    this.#seed = seed;
    this.#violations = violations;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get finished(): number {
    return this.#finished.size;
  }

  /** Jobs that are neither refused nor finished, and not such that nobody knows whether they exist. */
  get open(): number {
    return this.#jobs.size - (this.#unknown - this.#arrived);
  }

  /** A job that is about to be put. */
  newJob(): Job {
    this.#numbers += 1;
    const number = this.#numbers;
    const body = bodyOf(this.#seed, number);
    const job = {
      number,
      body,
      id: undefined,
      put: undefined,
      seen: false,
      mayBeDeleted: false,
      reservations: [],
    };
    this.#jobs.set(number, job);
    return job;
  }

  put(job: Job, verdict: PutVerdict, id?: string): void {
    job.put = verdict;
    if (id !== undefined) this.#identify(job, id);
    switch (verdict) {
      case 'acknowledged':
        this.#acknowledged += 1;
        return;
      case 'unknown':
        this.#unknown += 1;
        if (job.seen) this.#arrived += 1;
        return;
      case 'none':
        this.#refused.add(job.number);
        if (job.seen) this.#violations.add(REFUSED_CAME, `job ${job.number}, delivered before that answer`);
        this.#jobs.delete(job.number);
    }
  }

  /**
   * A worker got a body. Undefined when nobody may have it; else with those earlier reservations of the job of
   * which nothing is known that would have ended them: they are to be asked.
   */
  delivered(body: string, delivered: Delivered): (Held & { readonly inDoubt: readonly Held[] }) | undefined {
    this.#deliveries += 1;
    const job = this.#jobFor(body, 'delivered');
    if (job === undefined) return undefined;
    this.#identify(job, delivered.id);
    this.#see(job);
    const name = `job ${job.number} (id ${delivered.id}, reservation ${job.reservations.length + 1})`;
    const reservation = new Reservation(name, delivered, this.#violations);
    const reasons = job.reservations.map((one) => ({
      one,
      why: one.whyOver(delivered.life, delivered.toldAt),
    }));
    const inDoubt = reasons
      .filter(({ why }) => why === undefined)
      .map(({ one }) => ({ job, reservation: one }));
    const last = reasons.at(-1);
    if (last?.why !== undefined) this.#countAgain(last.why);
    job.reservations.push(reservation);
    return { job, reservation, inDoubt };
  }

  settling({ reservation }: Held, ending: Ending, at: number): void {
    reservation.settling(ending, at);
  }

  settled({ job, reservation }: Held, ending: Ending, verdict: Verdict, span: Span): void {
    const unknown = verdict.is === 'unknown' || (verdict.is === 'over' && verdict.reason === 'unknown');
    if (ending === 'delete' && unknown) job.mayBeDeleted = true;
    if (!reservation.settled(ending, verdict, span)) return;
    if (ending === 'delete') this.#finish(job, reservation);
    else this.#requireAlone(job, reservation);
  }

  touched({ job, reservation }: Held, verdict: Verdict, span: Span, expiresAt?: number): void {
    reservation.touched(verdict, span, expiresAt);
    if (verdict.is === 'done') this.#requireAlone(job, reservation);
  }

  /** What one in doubt answered to a touch. */
  asked(verdict: Verdict): void {
    if (verdict.is === 'over') this.#countAgain(announced(verdict.reason));
    else this.#countAgain(verdict.is === 'done' ? 'for no reason' : 'not told in a fault');
  }

  /** Closes the books. `bodies`: what was there when all was over. */
  balance(bodies: readonly string[]): Balance {
    const found = new Set<number>();
    for (const body of bodies) {
      const job = this.#jobFor(body, 'there at the end');
      if (job === undefined) continue;
      if (found.has(job.number)) this.#violations.add('one put made two jobs', `job ${job.number}`);
      found.add(job.number);
      this.#see(job);
    }
    let finishedUnanswered = 0;
    for (const job of this.#jobs.values()) {
      if (found.has(job.number) || !(job.seen || job.put === 'acknowledged')) continue;
      if (job.mayBeDeleted) finishedUnanswered += 1;
      else this.#violations.add('a job was lost', this.#story(job));
    }
    return {
      acknowledged: this.#acknowledged,
      refused: this.#refused.size,
      unknown: this.#unknown,
      arrived: this.#arrived,
      deliveries: this.#deliveries,
      finished: this.#finished.size,
      finishedUnanswered,
      stillThere: found.size,
    };
  }

  #jobFor(body: string, where: string): Job | undefined {
    const number = jobIn(this.#seed, body);
    const job = number === undefined ? undefined : this.#jobs.get(number);
    if (job !== undefined) return job;
    const what = `${number === undefined ? JSON.stringify(body.slice(0, 60)) : `job ${number}`}, ${where}`;
    if (number !== undefined && this.#finished.has(number)) this.#violations.add(FINISHED_CAME, what);
    else if (number !== undefined && this.#refused.has(number)) this.#violations.add(REFUSED_CAME, what);
    else this.#violations.add('a body came that nobody put', what);
    return undefined;
  }

  /** Bodies are unique, so two ids for one body are two jobs. */
  #identify(job: Job, id: string): void {
    job.id ??= id;
    if (job.id !== id)
      this.#violations.add('one put made two jobs', `job ${job.number} has the ids ${job.id} and ${id}`);
  }

  #see(job: Job): void {
    if (!job.seen && job.put === 'unknown') this.#arrived += 1;
    job.seen = true;
  }

  /** The job is gone with this reservation, so every other one must have been before it. */
  #finish(job: Job, by: Reservation): void {
    this.#jobs.delete(job.number);
    this.#finished.add(job.number);
    for (const other of job.reservations) {
      if (other !== by && other.aliveAfter(by))
        this.#violations.add(
          'a job was deleted under its next holder',
          `${by.name} deleted that of ${other.name}`,
        );
    }
  }

  #requireAlone(job: Job, reservation: Reservation): void {
    for (const other of job.reservations) {
      if (other !== reservation && Reservation.overlap(other, reservation))
        this.#violations.add('a job had two holders at once', `${other.name} and ${reservation.name}`);
    }
  }

  #countAgain(why: string): void {
    this.again.set(why, (this.again.get(why) ?? 0) + 1);
  }

  #story(job: Job): string {
    return `job ${job.number} (id ${job.id}), put ${job.put}, delivered ${job.reservations.length} times`;
  }
}

const FINISHED_CAME = 'a job came again after its DELETE was answered 204';
const REFUSED_CAME = 'a job came although its put was answered `none`';
