import type { Outcome } from '../client/errors.ts';

export { BeanstalkdError, type Outcome } from '../client/errors.ts';

/** Why a reservation is no longer held. `unknown`: its connection was lost while an ending was under way. */
export type EndReason = 'expired' | 'connection-lost' | 'deleted' | 'released' | 'buried' | 'unknown';

type JobState = 'ready' | 'delayed' | 'reserved' | 'buried';

interface PoolErrorDetails {
  OVERLOADED: { readonly detail: string };
  /** The owner has used up its own share. */
  QUOTA: { readonly detail: string };
  TOO_MANY_WAITERS: { readonly max: number };
  SHUTTING_DOWN: object;
  /** The caller's own deadline passed with no word from beanstalkd. */
  DEADLINE: { readonly deadlineMs: number };
  JOB_NOT_FOUND: { readonly id?: string; readonly tube?: string };
  TUBE_NOT_FOUND: { readonly tube: string };
  JOB_STATE_CONFLICT: { readonly id: string; readonly state: JobState };
  /** A put that beanstalkd answered BURIED: stored, but not queued. */
  JOB_BURIED: { readonly id: string };
  RESERVATION_NOT_FOUND: object;
  RESERVATION_ENDED: { readonly reason: EndReason };
}

type PoolErrorCode = keyof PoolErrorDetails;

type PoolFailure = { [C in PoolErrorCode]: { readonly code: C } & PoolErrorDetails[C] }[PoolErrorCode];

/**
 * What the pool itself refuses or cannot do; failures of a connection are {@link BeanstalkdError}.
 * `failure` is a union discriminated by `code`. The outcome is `none` unless said otherwise.
 */
export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly failure: PoolFailure;
  readonly outcome: Outcome;

  constructor(failure: PoolFailure, outcome: Outcome = 'none') {
    super(failure.code);
    this.failure = failure;
    this.outcome = outcome;
  }
}
