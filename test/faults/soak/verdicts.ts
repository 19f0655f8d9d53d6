import type { Came, Unanswered } from './judge.ts';
import type { PutVerdict } from './ledger.ts';
import { NOT_FOUND, type Verdict } from './reservation.ts';

/** What matters of an answer, or of one result of several. */
export interface Said {
  readonly status: number;
  readonly id?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly expiresAt?: string;
}

export function saidIn({ answer }: Came): Said | Unanswered {
  if (typeof answer === 'string') return answer;
  const { status, bytes } = answer;
  return bytes.length === 0 ? { status } : { ...(JSON.parse(bytes.toString()) as Said), status };
}

/** One for each of so many parts of a call; the failure of the call is that of every part. */
export function resultsIn(came: Came, parts: number): (Said | Unanswered)[] {
  const { answer } = came;
  if (typeof answer === 'string' || answer.status !== 200)
    return Array.from({ length: parts }, () => saidIn(came));
  const { results } = JSON.parse(answer.bytes.toString()) as { results: Said[] };
  if (results.length !== parts) throw new Error(`${parts} parts and ${results.length} results`);
  return results;
}

export function putVerdict(said: Said | Unanswered): PutVerdict {
  if (said === 'not sent') return 'none';
  if (said === 'broken off') return 'unknown';
  if (said.status === 201) return 'acknowledged';
  return said.outcome === 'none' ? 'none' : 'unknown';
}

export function settleVerdict(said: Said | Unanswered): Verdict {
  if (said === 'not sent') return { is: 'none' };
  if (said === 'broken off') return { is: 'unknown' };
  if (said.status < 300) return { is: 'done' };
  if (said.status === 404) return { is: 'over', reason: NOT_FOUND };
  if (said.status === 410) return { is: 'over', reason: said.reason ?? 'not said' };
  return { is: said.outcome === 'none' ? 'none' : 'unknown' };
}

/** A moment of the wall clock, by `performance.now()`. */
export const momentOf = (timestamp: string): number => performance.now() + Date.parse(timestamp) - Date.now();
