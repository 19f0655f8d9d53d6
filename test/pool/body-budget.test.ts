import { expect } from 'vitest';
import { BodyBudget } from '../../src/pool/body-budget.ts';
import { failure, reserve, reserveOne, test, untilState } from './house.ts';

test('what is taken is never more than there is', () => {
  const budget = new BodyBudget(100);
  expect(budget.take(60)).toBe(true);
  expect(budget.take(41)).toBe(false);
  expect(budget.used).toBe(60);
  expect(budget.take(40)).toBe(true);
  budget.give(100);
  expect(budget.used).toBe(0);
});

test.concurrent('a body counts until its answer is delivered', async ({ open }) => {
  const { pool, raw } = await open();
  await raw.put('t', Buffer.alloc(5_000));
  const [reservation] = await reserve(pool, 't');
  expect(pool.snapshot().bodyBytes).toBe(5_000);
  if (reservation !== undefined) pool.reservations.delivered(reservation);
  expect(pool.snapshot().bodyBytes).toBe(0);
  expect(reservation?.body).toHaveLength(0);
});

test.concurrent('a body for which there is no memory leaves its job ready, and the rest goes on', async ({
  open,
}) => {
  const { pool, raw } = await open({ bufferMaxBytes: 1_000 });
  const big = await raw.put('big', Buffer.alloc(1_001), { priority: 7 });
  await expect(reserve(pool, 'big')).rejects.toMatchObject(failure('OVERLOADED'));
  await untilState(raw, big, 'ready');
  expect((await raw.stats(`stats-job ${big}`))?.['pri']).toBe('7');
  await expect(pool.reserving.reserveJob(big)).rejects.toMatchObject(failure('OVERLOADED'));
  await expect(pool.jobs.get(big)).rejects.toMatchObject(failure('OVERLOADED'));
  await expect(pool.tubes.peek('big', 'ready')).rejects.toMatchObject(failure('OVERLOADED'));
  expect(pool.snapshot()).toMatchObject({ bodyBytes: 0, reservations: 0 });
  const small = await raw.put('small', 'x');
  expect((await reserveOne(pool, 'small')).job.id).toBe(small);
});

test.concurrent('a waiter for whose job there is no memory is told so', async ({ open }) => {
  const { pool, raw } = await open({ bufferMaxBytes: 1_000 });
  const waiting = reserve(pool, 'big', { timeout: 10 });
  const told = expect(waiting).rejects.toMatchObject(failure('OVERLOADED'));
  const big = await raw.put('big', Buffer.alloc(1_001));
  await told;
  await untilState(raw, big, 'ready');
  expect(pool.snapshot()).toMatchObject({ bodyBytes: 0, waiters: 0, reservations: 0 });
});
