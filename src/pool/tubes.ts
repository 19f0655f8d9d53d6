import { kick, listTubes, pauseTube, peekNext, statsTube } from '../client/commands.ts';
import { readNames, readTubeStats, type TubeStats } from '../client/stats.ts';
import type { BodyBudget } from './body-budget.ts';
import { type ClearableState, clear } from './clear.ts';
import type { Dialer } from './dialer.ts';
import { BeanstalkdError, PoolError } from './errors.ts';
import { type FoundJob, noMemory, type Scope, statsOf } from './jobs.ts';
import type { Lanes } from './lanes.ts';

/** Statistics asked for at once while listing. */
const LISTED_AT_ONCE = 500;

/** Tubes: looking at them never creates one. */
export class Tubes {
  readonly #lanes: Lanes;
  readonly #dialer: Dialer;
  readonly #bodies: BodyBudget;

  constructor(lanes: Lanes, dialer: Dialer, bodies: BodyBudget) {
    this.#lanes = lanes;
    this.#dialer = dialer;
    this.#bodies = bodies;
  }

  /** Rejects with `TUBE_NOT_FOUND`. */
  async get(tube: string): Promise<TubeStats> {
    const stats = await this.#find(tube);
    if (stats === undefined) throw new PoolError({ code: 'TUBE_NOT_FOUND', tube });
    return stats;
  }

  /** Sorted by name; those within the scope alone. */
  async list(scope?: Scope): Promise<TubeStats[]> {
    const all = readNames((await this.#lanes.forLooking.execute(listTubes())).body);
    const names = (scope === undefined ? all : all.filter(scope)).sort();
    const tubes: TubeStats[] = [];
    for (let at = 0; at < names.length; at += LISTED_AT_ONCE) {
      const found = await Promise.all(names.slice(at, at + LISTED_AT_ONCE).map((name) => this.#find(name)));
      // One that is not found has vanished since it was listed.
      for (const stats of found) if (stats !== undefined) tubes.push(stats);
    }
    return tubes;
  }

  /** The next job in that state. Rejects with `TUBE_NOT_FOUND`, `JOB_NOT_FOUND`. */
  async peek(tube: string, state: 'ready' | 'delayed' | 'buried'): Promise<FoundJob> {
    await this.get(tube);
    const lane = this.#lanes.forLooking;
    const found = await lane.execute(peekNext(state, tube));
    if (found.name !== 'FOUND') throw new PoolError({ code: 'JOB_NOT_FOUND', tube });
    if (found.body === undefined) throw noMemory();
    const stats = await statsOf(lane, found.id).catch((error: unknown) => {
      this.#bodies.give(found.body?.length ?? 0);
      throw error;
    });
    if (stats === undefined) {
      this.#bodies.give(found.body.length);
      throw new PoolError({ code: 'JOB_NOT_FOUND', tube });
    }
    return { stats, body: found.body };
  }

  /** Makes buried jobs ready, or delayed ones when none is buried; at most `bound`. Returns how many. */
  async kick(tube: string, bound: number): Promise<number> {
    const lane = this.#lanes.forChange();
    await this.get(tube);
    return (await lane.execute(kick(tube, bound))).count ?? 0;
  }

  /** No job of the tube is reserved for so many seconds; 0 resumes. Rejects with `TUBE_NOT_FOUND`. */
  async pause(tube: string, seconds: number): Promise<void> {
    const reply = await this.#lanes.forChange().execute(pauseTube(tube, seconds));
    if (reply.name === 'NOT_FOUND') throw new PoolError({ code: 'TUBE_NOT_FOUND', tube });
  }

  /**
   * Deletes jobs in these states, at most `limit`, on a connection of its own; stops when `signal` aborts.
   * `more` tells that some are left. Rejects with `TUBE_NOT_FOUND`.
   */
  async clear(
    tube: string,
    states: ReadonlySet<ClearableState>,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ readonly deleted: number; readonly more: boolean }> {
    this.#lanes.forChange();
    const { pauseTimeLeft } = await this.get(tube);
    const connection = await this.#dialer.dial(() => {}, NO_BODIES);
    const clearing = { tube, states, limit, paused: pauseTimeLeft > 0, signal, deleted: 0 };
    try {
      await clear(connection, clearing);
      const left = await this.#find(tube);
      const more = left !== undefined && [...states].some((state) => countOf(left, state) > 0);
      return { deleted: clearing.deleted, more };
    } catch (error) {
      throw clearing.deleted > 0 ? halfDone(error, clearing.deleted) : error;
    } finally {
      // One that fell silent is reset by the dialer.
      if (!connection.silent) connection.destroy();
    }
  }

  async #find(tube: string): Promise<TubeStats | undefined> {
    const reply = await this.#lanes.forLooking.execute(statsTube(tube));
    return reply.name === 'OK' ? readTubeStats(reply.body) : undefined;
  }
}

const NO_BODIES = { take: () => false, give: () => {} };

/** Whatever the last command did, the ones before it were carried out. */
function halfDone(cause: unknown, deleted: number): BeanstalkdError {
  const code = cause instanceof BeanstalkdError && cause.code === 'TIMEOUT' ? 'TIMEOUT' : 'CONNECTION_LOST';
  return new BeanstalkdError(code, 'unknown', `failed after ${deleted} jobs were deleted`, { cause });
}

function countOf(stats: TubeStats, state: ClearableState): number {
  switch (state) {
    case 'ready':
      return stats.currentJobsReady;
    case 'delayed':
      return stats.currentJobsDelayed;
    case 'buried':
      return stats.currentJobsBuried;
  }
}
