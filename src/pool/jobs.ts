import { deleteJob, kickJob, type NewJob, peek, put, statsJob } from '../client/commands.ts';
import { type JobStats, readJobStats } from '../client/stats.ts';
import { PoolError } from './errors.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';

export type { NewJob } from '../client/commands.ts';

/** A job that beanstalkd has taken. */
export interface Put {
  readonly id: string;
  readonly state: 'ready' | 'delayed';
}

export interface FoundJob {
  readonly stats: JobStats;
  /** Counted in the body budget: whoever gets it gives it back. */
  readonly body: Buffer;
}

/** The tubes that a call may touch; jobs elsewhere do not exist for it. Undefined: all. */
export type Scope = ((tube: string) => boolean) | undefined;

/** How often a job that changes its state under our hands is tried again. */
const ATTEMPTS = 3;

/** Jobs by themselves: putting them, and looking at and tending those that nobody holds. */
export class Jobs {
  readonly #lanes: Lanes;

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  /** Rejects with `JOB_BURIED` when beanstalkd stored the job but could not queue it. */
  async put(tube: string, job: NewJob): Promise<Put> {
    const reply = await this.#lanes.forPut(job.body.length).execute(put(tube, job));
    if (reply.name === 'BURIED') throw new PoolError({ code: 'JOB_BURIED', id: reply.id ?? '' }, 'unknown');
    return { id: reply.id, state: job.delay > 0 ? 'delayed' : 'ready' };
  }

  /**
   * Rejects with `JOB_NOT_FOUND`, also for a half-written job: beanstalkd would answer its `peek` with memory
   * of somebody else, not even ended by a CRLF. A job that is whole stays whole, so it is asked first.
   */
  async get(id: string, scope?: Scope): Promise<FoundJob> {
    const lane = this.#lanes.forLooking;
    const stats = await statsOf(lane, id);
    if (stats === undefined || scope?.(stats.tube) === false)
      throw new PoolError({ code: 'JOB_NOT_FOUND', id });
    const found = await lane.execute(peek(id));
    if (found.name !== 'FOUND') throw new PoolError({ code: 'JOB_NOT_FOUND', id });
    if (found.body === undefined) throw noMemory();
    return { stats, body: found.body };
  }

  /** Rejects with `JOB_NOT_FOUND`, and with `JOB_STATE_CONFLICT` for a job that is held. */
  async delete(id: string, scope?: Scope): Promise<void> {
    await this.requireWithin(scope, id);
    await this.#change(id, async (lane) => (await lane.execute(deleteJob(id))).name === 'DELETED', [
      'reserved',
    ]);
  }

  /** Rejects with `JOB_NOT_FOUND`, and with `JOB_STATE_CONFLICT` unless the job is buried or delayed. */
  async kick(id: string, scope?: Scope): Promise<void> {
    await this.requireWithin(scope, id);
    const conflicts = ['reserved', 'ready'] as const;
    await this.#change(id, async (lane) => (await lane.execute(kickJob(id))).name === 'KICKED', conflicts);
  }

  /** Rejects with `JOB_NOT_FOUND` for a job of a tube that is out of scope, as for one that there is not. */
  async requireWithin(scope: Scope, id: string): Promise<void> {
    if (scope === undefined) return;
    const stats = await statsOf(this.#lanes.forChange(), id);
    if (stats === undefined || !scope(stats.tube)) throw new PoolError({ code: 'JOB_NOT_FOUND', id });
  }

  /** beanstalkd answers NOT_FOUND for a wrong state as well; the job's statistics tell which it is. */
  async #change(
    id: string,
    attempt: (lane: Lane) => Promise<boolean>,
    conflicts: readonly JobStats['state'][],
  ): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const lane = this.#lanes.forChange();
      if (await attempt(lane)) return;
      const stats = await statsOf(lane, id);
      if (stats === undefined || stats.state === 'invalid')
        throw new PoolError({ code: 'JOB_NOT_FOUND', id });
      if (conflicts.includes(stats.state) || tries === ATTEMPTS) {
        throw new PoolError({ code: 'JOB_STATE_CONFLICT', id, state: stats.state });
      }
    }
  }
}

/** Undefined for a job that does not exist, or not wholly. */
export async function statsOf(lane: Lane, id: string): Promise<JobStats | undefined> {
  const reply = await lane.execute(statsJob(id));
  if (reply.name !== 'OK') return undefined;
  const stats = readJobStats(reply.body);
  return stats.state === 'invalid' ? undefined : stats;
}

export const noMemory = () =>
  new PoolError({ code: 'OVERLOADED', detail: 'no memory is left for the body of the job' });
