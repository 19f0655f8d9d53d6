import type { EndReason } from './errors.ts';

/**
 * How a caller ends a reservation, as asked: without a priority the job keeps its own. Two with the same
 * values are the same ending, asked twice. `delay` in seconds.
 */
export type Ending =
  | { readonly reason: 'deleted' }
  | { readonly reason: 'released'; readonly priority: number | undefined; readonly delay: number }
  | { readonly reason: 'buried'; readonly priority: number | undefined };

/** An ending under way. */
export interface Settlement {
  readonly ending: Ending;
  readonly done: Promise<void>;
}

/** How a reservation has ended; by a caller's wish, or otherwise. */
export type Ended = Ending | { readonly reason: Exclude<EndReason, Ending['reason']> };

export function sameEnding(one: Ended, other: Ended): boolean {
  switch (one.reason) {
    case 'released':
      return other.reason === one.reason && other.priority === one.priority && other.delay === one.delay;
    case 'buried':
      return other.reason === one.reason && other.priority === one.priority;
    default:
      return other.reason === one.reason;
  }
}
