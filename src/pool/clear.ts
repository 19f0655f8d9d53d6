import { deleteJob, peekNext, reserveWithTimeout } from '../client/commands.ts';
import type { Connection } from '../client/connection.ts';

export type ClearableState = 'ready' | 'delayed' | 'buried';

interface Clearing {
  readonly tube: string;
  readonly states: ReadonlySet<ClearableState>;
  readonly limit: number;
  /** A paused tube answers no reserve. */
  readonly paused: boolean;
  readonly signal: AbortSignal;
}

/** Reserved and deleted in one go. */
const BATCH = 100;

/**
 * Deletes jobs over a connection that does nothing else and keeps no bodies. Returns how many.
 * What is reserved and not deleted when it stops is ready again when the connection closes.
 */
export async function clear(connection: Connection, clearing: Clearing): Promise<number> {
  let deleted = 0;
  for (const state of clearing.states) {
    const left = clearing.limit - deleted;
    const byReserving = state === 'ready' && !clearing.paused;
    deleted += byReserving
      ? await clearReady(connection, clearing, left)
      : await clearPeeked(connection, clearing, state, left);
  }
  return deleted;
}

async function clearReady(
  connection: Connection,
  { tube, signal }: Clearing,
  limit: number,
): Promise<number> {
  const tubes = [tube];
  let deleted = 0;
  while (deleted < limit && !signal.aborted) {
    const batch = Math.min(BATCH, limit - deleted);
    const replies = await Promise.all(
      Array.from({ length: batch }, () => connection.execute(reserveWithTimeout(tubes, 0))),
    );
    const ids = replies.flatMap((reply) => (reply.name === 'RESERVED' ? [reply.id] : []));
    const deletions = await Promise.all(ids.map((id) => connection.execute(deleteJob(id))));
    deleted += deletions.filter(({ name }) => name === 'DELETED').length;
    if (ids.length < batch) break;
  }
  return deleted;
}

async function clearPeeked(
  connection: Connection,
  { tube, signal }: Clearing,
  state: ClearableState,
  limit: number,
): Promise<number> {
  let deleted = 0;
  let previous = '';
  while (deleted < limit && !signal.aborted) {
    const found = await connection.execute(peekNext(state, tube));
    // The same job twice is one that cannot be deleted.
    if (found.name !== 'FOUND' || found.id === previous) break;
    previous = found.id;
    if ((await connection.execute(deleteJob(found.id))).name === 'DELETED') deleted += 1;
  }
  return deleted;
}
