import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { poll } from '../support/beanstalkd.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import type { Books, Round, Tally } from './books.ts';

/** What beanstalkd counts, and of which the answers say exactly how much it must be. */
const EXACT: Readonly<Record<string, (tally: Tally) => number>> = {
  'cmd-put': ({ put }) => put,
  'total-jobs': ({ put }) => put,
  'cmd-kick': ({ kick }) => kick,
  'cmd-pause-tube': ({ pause }) => pause,
  // Nothing here sends them.
  'cmd-reserve': () => 0,
  'cmd-list-tubes-watched': () => 0,
};

/** What the gateway also does by itself, or beanstalkd also counts when it says no. */
const AT_LEAST: Readonly<Record<string, (tally: Tally) => number>> = {
  'cmd-delete': (tally) => tally.delete,
  'cmd-release': ({ release }) => release,
  'cmd-bury': ({ bury }) => bury,
  'cmd-touch': ({ touch }) => touch,
};

const LOOK_EVERY_MS = 5;
const STATES = ['ready', 'reserved', 'delayed', 'buried'];

type Figures = Readonly<Record<string, number>>;

/** Looks at beanstalkd from behind, and holds it against the books. */
export class Watcher {
  readonly #raw: RawConnection;
  readonly #pool: Pool;

  constructor(raw: RawConnection, pool: Pool) {
    this.#raw = raw;
    this.#pool = pool;
  }

  /** Looks on while the calls of a round are made, and then at what is left; throws at what the answers do not explain. */
  async round(books: Books, makeCalls: () => Promise<void>): Promise<void> {
    const before = await this.#figures();
    const seen = await this.#tubesDuring(makeCalls);
    await this.#atRest();
    const round = books.closeRound();
    const after = await this.#figures();
    const grown = (name: string) => (after[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
    for (const [name, exactly] of Object.entries(EXACT)) expect(grown(name), name).toBe(exactly(round.tally));
    for (const [name, least] of Object.entries(AT_LEAST)) {
      expect(grown(name), name).toBeGreaterThanOrEqual(least(round.tally));
    }
    await this.#strikeCleared(books, round);
    expect(after['jobs'], 'jobs that are there').toBe(books.jobs.size);
    const strange = [...seen].filter((tube) => !books.tubes.has(tube));
    expect(strange, 'tubes that no valid call has named').toEqual([]);
    await this.checkJobs(books, round.put);
  }

  /** That these jobs, unless they are gone by rights, are as they were put. */
  async checkJobs(books: Books, ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      const job = books.jobs.get(id);
      if (job === undefined) continue;
      const body = await this.#peek(id);
      expect(body?.equals(job.body), `${id} has the body that was put`).toBe(true);
      const stats = await this.#raw.stats(`stats-job ${id}`);
      // 1.13 quotes the name of a tube.
      expect(stats?.['tube']?.replace(/^"|"$/g, '')).toBe(job.tube);
      expect(stats?.['ttr']).toBe(String(job.ttr));
    }
  }

  /** The tubes that exist meanwhile, also those that do only for as long as a connection uses them. */
  async #tubesDuring(makeCalls: () => Promise<void>): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    const look = async () => {
      for (const tube of await this.#raw.list('list-tubes')) seen.add(tube);
    };
    let over = false;
    const looking = (async () => {
      for (; !over; await setTimeout(LOOK_EVERY_MS)) await look();
    })();
    try {
      await makeCalls();
    } finally {
      over = true;
      await looking;
    }
    await look();
    return seen;
  }

  /** No memory, no place and no connection is kept for calls that are over. */
  async #atRest(): Promise<void> {
    const rest = { waiters: 0, bodyBytes: 0, commandsInFlight: 0, commandsQueued: 0, reconnects: 0 };
    const figures = () => {
      const { waiters, bodyBytes, commandsInFlight, commandsQueued, reconnects } = this.#pool.snapshot();
      return { waiters, bodyBytes, commandsInFlight, commandsQueued, reconnects };
    };
    const isAtRest = () => Object.values(figures()).every((figure) => figure === 0);
    await poll('the pool is at rest', isAtRest).catch(() => expect(figures()).toEqual(rest));
  }

  /** A clear does not say which jobs it has deleted: it must be as many as are gone. */
  async #strikeCleared(books: Books, { cleared }: Round): Promise<void> {
    const gone = new Map([...cleared.keys()].map((tube) => [tube, 0]));
    for (const [id, { tube }] of books.jobs) {
      const so = gone.get(tube);
      if (so === undefined || (await this.#peek(id)) !== undefined) continue;
      gone.set(tube, so + 1);
      books.jobs.delete(id);
    }
    for (const [tube, jobs] of cleared) expect(gone.get(tube), `jobs cleared in ${tube}`).toBe(jobs);
  }

  async #peek(id: string): Promise<Buffer | undefined> {
    const [word, , length] = (await this.#raw.command(`peek ${id}`)).split(' ');
    return word === 'FOUND' ? this.#raw.bytes(Number(length)) : undefined;
  }

  async #figures(): Promise<Figures> {
    const stats = (await this.#raw.stats('stats')) ?? {};
    const jobs = STATES.reduce((sum, state) => sum + Number(stats[`current-jobs-${state}`]), 0);
    return {
      ...Object.fromEntries(Object.entries(stats).map(([name, figure]) => [name, Number(figure)])),
      jobs,
    };
  }
}
