import type { JobStats } from '../client/stats.ts';
import type { Dated } from './calendar.ts';
import type { Holder } from './holder.ts';
import type { Place } from './line.ts';
import type { Owner } from './owner.ts';
import type { Settlement } from './settlement.ts';
import { makeToken } from './token.ts';

const EMPTY = Buffer.alloc(0);

/**
 * A job that this gateway holds for a caller.
 *
 * Its expiry is an interval, since nobody but beanstalkd knows when it began: it may end from the moment
 * the command that began it was sent plus the TTR, and has ended by the moment that command was answered
 * plus the TTR. Moments are `performance.now()`.
 */
export class Reservation implements Dated<Reservation> {
  slot: number | undefined;
  slotPlace: Place<Reservation> | undefined;
  /** Unguessable, and safe in a path. */
  readonly token = makeToken();
  readonly job: JobStats;
  readonly holder: Holder;
  /** Undefined until it is handed out, and where nobody in particular asked. */
  owner: Owner | undefined;
  #body: Buffer;
  #mayExpireAt: number;
  #expiredAt: number;
  /** The ending that is under way; everything else asked meanwhile waits for it. */
  settlement: Settlement | undefined;
  /** The command of that ending was sent: if the connection breaks now, nobody knows what became of it. */
  endingSent = false;

  constructor(holder: Holder, job: JobStats, body: Buffer, began: Interval) {
    this.holder = holder;
    this.job = job;
    this.#body = body;
    this.#mayExpireAt = began.from + job.ttr * 1000;
    this.#expiredAt = began.to + job.ttr * 1000;
  }

  get body(): Buffer {
    return this.#body;
  }

  /** From here on it is no longer the caller's. */
  get mayExpireAt(): number {
    return this.#mayExpireAt;
  }

  /** From here on beanstalkd has it ready again, or forgot to. */
  get expiredAt(): number {
    return this.#expiredAt;
  }

  /** {@link mayExpireAt} on the wall clock, in milliseconds since the epoch. */
  get expiresAt(): number {
    return Date.now() + this.#mayExpireAt - performance.now();
  }

  /** beanstalkd answered TOUCHED: the TTR began anew within the interval. */
  renew(touched: Interval): void {
    this.#mayExpireAt = Math.max(this.#mayExpireAt, touched.from + this.job.ttr * 1000);
    this.#expiredAt = Math.max(this.#expiredAt, touched.to + this.job.ttr * 1000);
  }

  /** Lets go of the body and returns its length. */
  dropBody(): number {
    const { length } = this.#body;
    this.#body = EMPTY;
    return length;
  }
}

/** From when a command was sent to when it was answered. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}
