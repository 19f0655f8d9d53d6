import fc from 'fast-check';
import { expect } from 'vitest';
import type { PoolOptions } from '../../src/pool/pool.ts';
import { poll } from '../support/beanstalkd.ts';
import { type House, reserve, serverFigure, test, until } from './house.ts';

const TUBES = ['a', 'b', 'c'];
const LASTS_MS = 2_500;

const call = fc.record({
  tubes: fc.subarray(TUBES, { minLength: 1 }),
  timeout: fc.nat(2),
  count: fc.constantFrom(1, 1, 4),
  leavesAfterMs: fc.option(fc.nat(600), { freq: 2 }),
  restsMs: fc.nat(60),
});
const put = fc.record({
  tube: fc.constantFrom(...TUBES),
  burst: fc.constantFrom(1, 1, 2, 20),
  restsMs: fc.nat(120),
});

interface Put {
  readonly tube: string;
  readonly insertedAt: number;
  takenAt: number | undefined;
}

interface Empty {
  readonly tubes: readonly string[];
  readonly dueAt: number;
  readonly answeredAt: number;
}

/** Many callers come, wait and leave, while jobs are put: what is put comes to one caller each, or stays. */
async function storm({ beanstalkd, pool, raw }: House, seed: number): Promise<void> {
  const jobs = new Map<string, Put>();
  const taken = new Map<string, number>();
  const empties: Empty[] = [];
  const end = performance.now() + LASTS_MS;
  const putting = (async () => {
    const producer = await beanstalkd.raw();
    for (const { tube, burst, restsMs } of fc.sample(put, { seed, numRuns: 1_000 })) {
      if (performance.now() > end) return;
      for (let n = 0; n < burst; n += 1) {
        // A caller may have it before its id is known here.
        const id = await producer.put(tube, 'body');
        jobs.set(id, { tube, insertedAt: performance.now(), takenAt: taken.get(id) });
      }
      await until(performance.now() + restsMs);
    }
  })();
  const calling = Array.from({ length: 25 }, async (_, n) => {
    for (const one of fc.sample(call, { seed: seed + n, numRuns: 500 })) {
      if (performance.now() > end) return;
      const leaving = new AbortController();
      const { leavesAfterMs, tubes, timeout, count } = one;
      const timer = leavesAfterMs === null ? undefined : setTimeout(() => leaving.abort(), leavesAfterMs);
      const askedAt = performance.now();
      const got = await reserve(pool, tubes, { timeout, count, signal: leaving.signal });
      const answeredAt = performance.now();
      clearTimeout(timer);
      if (got.length === 0 && !leaving.signal.aborted) {
        const dueAt = askedAt + timeout * 1000;
        if (answeredAt < dueAt) throw new Error(`an empty ${dueAt - answeredAt} ms too early`);
        if (answeredAt > dueAt + 1_500) throw new Error(`an empty ${answeredAt - dueAt} ms late`);
        empties.push({ tubes, dueAt, answeredAt });
      }
      for (const { job, token } of got) {
        if (!tubes.includes(job.tube)) throw new Error(`a job of ${job.tube} for ${tubes}`);
        if (taken.has(job.id)) throw new Error(`${job.id} came twice`);
        taken.set(job.id, answeredAt);
        const known = jobs.get(job.id);
        if (known !== undefined) known.takenAt = answeredAt;
        await pool.reservations.bury(token, {});
      }
      for (const reservation of got) pool.reservations.delivered(reservation);
      await until(performance.now() + one.restsMs);
    }
  });
  await Promise.all([putting, ...calling]);
  await poll('nothing is held, nobody waits', async () => {
    const { reservations, waiters, bodyBytes, connections } = pool.snapshot();
    const here = reservations + waiters + bodyBytes + connections.waiting;
    const there =
      (await serverFigure(raw, 'current-waiting')) + (await serverFigure(raw, 'current-jobs-reserved'));
    return here + there === 0;
  });
  for (const [id, { tube, insertedAt, takenAt }] of jobs) {
    const stats = await raw.stats(`stats-job ${id}`);
    expect(stats?.['state']).toBe(takenAt === undefined ? 'ready' : 'buried');
    // One that was taken for somebody who left was not ready all the time.
    if (stats?.['releases'] !== '0' || Number(stats['reserves']) > 1) continue;
    // Half a second for one that is on its way to the caller before.
    const hidden = empties.find(
      ({ tubes, dueAt, answeredAt }) =>
        tubes.includes(tube) &&
        insertedAt < dueAt &&
        answeredAt < (takenAt ?? Number.POSITIVE_INFINITY) - 500,
    );
    expect(hidden, `${id} of ${tube}, ready since ${insertedAt}, was hidden from a caller`).toBeUndefined();
  }
}

const withSeed = (open: (options?: Partial<PoolOptions>) => Promise<House>, options: Partial<PoolOptions>) =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1_000_000 }), async (seed) =>
      storm(await open(options), seed),
    ),
    { numRuns: 1, endOnFailure: true },
  );

test.concurrent('property: each job comes to one caller, and an empty is true', ({ open }) =>
  withSeed(open, {}));

test.concurrent('property: the same in slices, with few connections', ({ open }) =>
  withSeed(open, { maxConnections: 6, reserveSlice: 1 }));
