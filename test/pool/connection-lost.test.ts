import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { ended, putMany, reserve, reserveOne, sent, test } from './house.ts';

test.concurrent('what was held when the connection broke has ended, and says why', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  await putMany(raw, 't', 5);
  const taken = await reserve(pool, 't', { count: 5 });
  await beanstalkd.kill();
  await poll('all have ended', () => pool.snapshot().reservations === 0);
  for (const { token } of taken) {
    await expect(pool.reservations.get(token)).rejects.toMatchObject(ended('connection-lost'));
    await expect(pool.reservations.delete(token)).rejects.toMatchObject(ended('connection-lost'));
  }
});

test.concurrent('an ending that was under way when the connection broke is unknown', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  await putMany(raw, 't', 3);
  const [deleted, buried, untouched] = await reserve(pool, 't', { count: 3 });
  const tokens = {
    deleted: deleted?.token ?? '',
    buried: buried?.token ?? '',
    untouched: untouched?.token ?? '',
  };
  beanstalkd.signal('SIGSTOP');
  const lost = { code: 'CONNECTION_LOST', outcome: 'unknown' };
  const calls = [
    expect(pool.reservations.delete(tokens.deleted)).rejects.toMatchObject(lost),
    expect(pool.reservations.bury(tokens.buried, {})).rejects.toMatchObject(lost),
  ];
  await sent();
  beanstalkd.signal('SIGKILL');
  await Promise.all(calls);
  await expect(pool.reservations.delete(tokens.deleted)).rejects.toMatchObject(ended('unknown'));
  await expect(pool.reservations.bury(tokens.buried, {})).rejects.toMatchObject(ended('unknown'));
  await expect(pool.reservations.delete(tokens.untouched)).rejects.toMatchObject(ended('connection-lost'));
});

test.concurrent('an ending that was never sent is not unknown', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  await raw.put('t', 'x', { ttr: 3 });
  const { token } = await reserveOne(pool, 't');
  beanstalkd.signal('SIGSTOP');
  // Behind an unanswered reserve, a settle so near its expiry waits unsent.
  const other = expect(reserve(pool, 'other', { deadlineMs: 800 })).rejects.toThrow();
  await sent();
  const settle = expect(pool.reservations.delete(token)).rejects.toMatchObject({ outcome: 'none' });
  await sent();
  beanstalkd.signal('SIGKILL');
  await settle;
  await expect(pool.reservations.get(token)).rejects.toMatchObject(ended('connection-lost'));
  await other;
});

test.concurrent('a silent beanstalkd breaks the connection at the deadline of the command', async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open({ commandTimeoutMs: 300 });
  await raw.put('t', 'x');
  const { token } = await reserveOne(pool, 't');
  beanstalkd.signal('SIGSTOP');
  const from = performance.now();
  await expect(pool.reservations.delete(token)).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'unknown',
  });
  expect(performance.now() - from).toBeLessThan(600);
  await expect(pool.reservations.delete(token)).rejects.toMatchObject(ended('unknown'));
  expect(pool.snapshot()).toMatchObject({ reservations: 0, bodyBytes: 0 });
});

test.concurrent('bodies that were on their way when the connection broke are not counted for ever', async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open();
  for (let n = 0; n < 20; n += 1) await raw.put('t', Buffer.alloc(60_000));
  await reserve(pool, 'warm');
  const asking = Array.from({ length: 20 }, () => reserve(pool, 't', { deadlineMs: 1_000 }));
  await poll('some have come', () => pool.snapshot().bodyBytes > 0);
  beanstalkd.signal('SIGKILL');
  for (const answer of await Promise.allSettled(asking)) {
    if (answer.status === 'fulfilled') for (const one of answer.value) pool.reservations.delivered(one);
  }
  await poll('nothing is counted', () => {
    const { bodyBytes, reservations, waiters } = pool.snapshot();
    return bodyBytes === 0 && reservations === 0 && waiters === 0;
  });
});
