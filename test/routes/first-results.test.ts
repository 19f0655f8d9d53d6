import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FirstResults } from '../../src/routes/first-results.ts';
import { Problem } from '../../src/routes/problem.ts';

const TTL_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const firstResults = (max = 10) => new FirstResults<number>({ ttlMs: TTL_MS, max, countOf: (n) => n });

const lost = (outcome: 'none' | 'unknown') => async () => {
  throw new Problem('beanstalkd-timeout', 'no answer', { outcome });
};

test('a call is carried out once for its key, also while it is under way', async () => {
  const first = firstResults();
  let finish = (_: number) => {};
  const underWay = first.once('key', 'a', () => new Promise((resolve) => (finish = resolve)));
  const meanwhile = first.once('key', 'a', async () => 2);
  finish(1);
  expect(await Promise.all([underWay, meanwhile, first.once('key', 'a', async () => 3)])).toEqual([1, 1, 1]);
});

test('the same key for another request is refused, before and after the first is over', async () => {
  const first = firstResults();
  const underWay = first.once('key', 'a', async () => 1);
  await expect(first.once('key', 'b', async () => 2)).rejects.toMatchObject({
    kind: 'idempotency-key-reused',
    outcome: 'none',
  });
  await underWay;
  await expect(first.once('key', 'b', async () => 2)).rejects.toMatchObject({
    kind: 'idempotency-key-reused',
  });
});

test('a failure that did nothing is forgotten, one that may have is told again', async () => {
  const first = firstResults();
  await expect(first.once('none', 'a', lost('none'))).rejects.toMatchObject({ outcome: 'none' });
  expect(await first.once('none', 'a', async () => 1)).toBe(1);
  await expect(first.once('unknown', 'a', lost('unknown'))).rejects.toMatchObject({ outcome: 'unknown' });
  await expect(first.once('unknown', 'a', async () => 1)).rejects.toMatchObject({ outcome: 'unknown' });
});

test('a result that stands for nothing is forgotten', async () => {
  const first = firstResults();
  expect(await first.once('key', 'a', async () => 0)).toBe(0);
  expect(await first.once('key', 'b', async () => 1)).toBe(1);
  expect(first.size).toBe(1);
});

test('what has been under way for long is remembered from its end on', async () => {
  const first = firstResults();
  let finish = (_: number) => {};
  const underWay = first.once('key', 'a', () => new Promise((resolve) => (finish = resolve)));
  vi.advanceTimersByTime(10 * TTL_MS);
  finish(1);
  await underWay;
  vi.advanceTimersByTime(TTL_MS - 1);
  expect(await first.once('key', 'a', async () => 2)).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await first.once('key', 'a', async () => 2)).toBe(2);
});

test('property: within its time and the bound, each key has one result', async () => {
  const step = fc.oneof(
    fc.record({ key: fc.nat(5), count: fc.nat(3), fails: fc.constantFrom('no', 'no', 'none', 'unknown') }),
    fc.record({ passMs: fc.nat(TTL_MS) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      async (steps, max) => {
        const first = firstResults(max);
        let now = 0;
        let model: { key: string; what: string; count: number; at: number }[] = [];
        for (const [n, one] of steps.entries()) {
          if ('passMs' in one) {
            vi.advanceTimersByTime(one.passMs);
            now += one.passMs;
          } else {
            const key = `key ${one.key}`;
            let carriedOut = false;
            const carryOut = async () => {
              carriedOut = true;
              if (one.fails === 'none' || one.fails === 'unknown') return lost(one.fails)();
              return one.count;
            };
            const told = await first.once(key, '', carryOut).then(
              (count) => `${count}`,
              (error) => (error as Problem).outcome,
            );
            const known = model.find((each) => each.key === key);
            expect(carriedOut, `step ${n}`).toBe(known === undefined);
            if (known !== undefined) expect(told).toBe(known.what);
            else {
              const count = one.fails === 'no' ? one.count : one.fails === 'none' ? 0 : 1;
              if (count > 0) model.push({ key, what: told, count, at: now });
            }
          }
          model = model.filter(({ at }) => at + TTL_MS > now);
          while (model.reduce((sum, { count }) => sum + count, 0) > max) model.shift();
          expect(first.size).toBe(model.reduce((sum, { count }) => sum + count, 0));
        }
      },
    ),
  );
});
