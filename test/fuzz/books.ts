import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Memory } from './known.ts';

/** A job as it was put. */
export interface Job {
  readonly tube: string;
  readonly body: Buffer;
  readonly priority: number;
  readonly delay: number;
  /** beanstalkd makes 1 of 0, which no caller here can send. */
  readonly ttr: number;
}

/** What an answer shows of a job. */
export interface Sighting {
  readonly id: string;
  readonly tube: string;
  readonly ttr: number;
  readonly body: Buffer;
  /** Undefined where it may be another than at the put. */
  readonly priority: number | undefined;
}

export type Action = 'delete' | 'release' | 'bury' | 'touch';

/** How many commands of a kind the answers of a round stand for. */
export type Tally = Record<'put' | 'kick' | 'pause' | Action, number>;

/** What a round has changed, by its answers. */
export interface Round {
  readonly tally: Tally;
  /** Their ids. */
  readonly put: Set<string>;
  readonly deleted: Set<string>;
  /** How many jobs were deleted unnamed, by tube. */
  readonly cleared: Map<string, number>;
  readonly sightings: Sighting[];
}

/** What is in beanstalkd by the word of the gateway; throws where one answer contradicts another. */
export class Books {
  readonly jobs = new Map<string, Job>();
  /** Named by valid calls that may create one. */
  readonly tubes = new Set(['default']);
  readonly #memory: Memory;
  readonly #jobOf = new Map<string, string>();
  readonly #endings = new Map<string, Action>();
  #round = newRound();

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  putJob(id: string, job: Job): void {
    expect(this.jobs.has(id), `job ${id} is new`).toBe(false);
    this.jobs.set(id, job);
    this.#round.put.add(id);
    this.#round.tally.put += 1;
    this.#memory.remember('job', id);
    this.#memory.remember('tube', job.tube);
  }

  reserved(reservation: string, job: Sighting): void {
    expect(this.#jobOf.has(reservation), `${reservation} is new`).toBe(false);
    this.#jobOf.set(reservation, job.id);
    this.saw(job);
    this.#memory.remember('reservation', reservation);
  }

  /** The put may not be answered yet: held against it at the end of the round. */
  saw(job: Sighting): void {
    this.#round.sightings.push(job);
  }

  /** The answer to an attempt to settle a reservation. */
  settled(reservation: string, action: Action, status: number): void {
    const job = this.#jobOf.get(reservation);
    if (status === 404 || status === 410) this.#memory.end(reservation);
    if (status >= 300) return;
    if (job === undefined) throw new Error(`${reservation} was never given, and ${action} is ${status}`);
    if (action === 'touch') {
      this.#round.tally.touch += 1;
      return;
    }
    const before = this.#endings.get(reservation);
    expect(before ?? action, `${reservation} ended once`).toBe(action);
    if (before !== undefined) return;
    this.#endings.set(reservation, action);
    this.#memory.end(reservation);
    this.#round.tally[action] += 1;
    if (action === 'delete') this.deletedJob(job);
  }

  /** The reservations of which no answer has said that they are over. */
  notEnded(): readonly string[] {
    return [...this.#jobOf.keys()].filter((reservation) => !this.#endings.has(reservation));
  }

  deletedJob(id: string): void {
    expect(this.#round.deleted.has(id), `job ${id} is deleted once`).toBe(false);
    this.#round.deleted.add(id);
  }

  cleared(tube: string, jobs: number): void {
    this.#round.cleared.set(tube, (this.#round.cleared.get(tube) ?? 0) + jobs);
  }

  kicked(): void {
    this.#round.tally.kick += 1;
  }

  paused(): void {
    this.#round.tally.pause += 1;
  }

  /** What has happened since the last time; every job that was named as deleted is struck off. */
  closeRound(): Round {
    const round = this.#round;
    this.#round = newRound();
    for (const { id, priority, ...seen } of round.sightings) {
      const job = this.jobs.get(id);
      if (job === undefined) throw new Error(`job ${id} was never put: ${inspect(seen)}`);
      expect({ id, tube: seen.tube, ttr: seen.ttr }).toEqual({ id, tube: job.tube, ttr: job.ttr });
      if (priority !== undefined) expect(priority, `the priority of ${id}`).toBe(job.priority);
      expect(seen.body.equals(job.body), `the body of ${id} is the one that was put`).toBe(true);
    }
    for (const id of round.deleted) expect(this.jobs.delete(id), `${id}, deleted, was put`).toBe(true);
    return round;
  }
}

const newRound = (): Round => ({
  tally: { put: 0, kick: 0, pause: 0, delete: 0, release: 0, bury: 0, touch: 0 },
  put: new Set(),
  deleted: new Set(),
  cleared: new Map(),
  sightings: [],
});
