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
  /** How many are surely gone, also when it fails half-way. */
  deleted: number;
}

/** Reserved and deleted in one go. */
const BATCH = 100;

/**
 * Deletes jobs over a connection that does nothing else and keeps no bodies, and counts them.
 * What is reserved and not deleted when it stops is ready again when the connection closes.
 */
export async function clear(connection: Connection, clearing: Clearing): Promise<void> {
  for (const state of clearing.states) {
    if (state === 'ready' && !clearing.paused) await clearReady(connection, clearing);
    else await clearPeeked(connection, clearing, state);
  }
}

async function clearReady(connection: Connection, clearing: Clearing): Promise<void> {
  const tubes = [clearing.tube];
  while (mayGoOn(clearing)) {
    const batch = Math.min(BATCH, clearing.limit - clearing.deleted);
    const replies = await Promise.all(
      Array.from({ length: batch }, () => connection.execute(reserveWithTimeout(tubes, 0))),
    );
    const ids = replies.flatMap((reply) => (reply.name === 'RESERVED' ? [reply.id] : []));
    await Promise.all(ids.map((id) => clearOne(connection, clearing, id)));
    if (ids.length < batch) return;
  }
}

async function clearPeeked(connection: Connection, clearing: Clearing, state: ClearableState): Promise<void> {
  let previous = '';
  while (mayGoOn(clearing)) {
    const found = await connection.execute(peekNext(state, clearing.tube));
    // The same job twice is one that cannot be deleted.
    if (found.name !== 'FOUND' || found.id === previous) return;
    previous = found.id;
    await clearOne(connection, clearing, found.id);
  }
}

async function clearOne(connection: Connection, clearing: Clearing, id: string): Promise<void> {
  const reply = await connection.execute(deleteJob(id));
  if (reply.name === 'DELETED') clearing.deleted += 1;
}

const mayGoOn = ({ deleted, limit, signal }: Clearing) => deleted < limit && !signal.aborted;
