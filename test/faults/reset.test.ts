import { expect, test } from 'vitest';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { ByteProxy } from './byte-proxy.ts';
import { Laboratory, saying } from './laboratory.ts';

const LOST = { status: 502, type: 'beanstalkd-connection-lost', outcome: 'unknown' };
const UNREACHABLE = { status: 503, type: 'beanstalkd-unreachable', outcome: 'none' };

test('a reset with puts under way: unknown where one was sent, none where it was not', async ({
  onTestFinished,
}) => {
  const beanstalkd = await Beanstalkd.start();
  const proxy = await ByteProxy.start(beanstalkd.address);
  onTestFinished(async () => {
    proxy.close();
    await beanstalkd.stop();
  });
  const lab = await Laboratory.open({ via: () => proxy.url });
  const raw = await beanstalkd.raw();
  await lab.put('t', 'warm');
  proxy.stall();
  const putting = Array.from({ length: 300 }, async (_, n) => ({
    body: `${n}`,
    answer: await lab.put('t', `${n}`),
  }));
  await poll(
    'all are asked for',
    async () => (await lab.figure('commands_in_flight')) + (await lab.figure('commands_queued')) >= 300,
  );
  proxy.reset();
  const puts = await Promise.all(putting);
  for (const { answer } of puts) expect([LOST, UNREACHABLE]).toContainEqual(saying(answer));
  const unknown = puts.filter(({ answer }) => answer.status === 502).map(({ body }) => body);
  expect(unknown.length).toBeGreaterThan(0);
  expect(unknown.length).toBeLessThanOrEqual(128);
  proxy.resume();
  await poll('a put goes through', async () => (await lab.put('t', 'after')).status === 201, 2_000);
  const there: string[] = [];
  for (let job = await raw.reserve('t'); job !== undefined; job = await raw.reserve('t'))
    there.push(job.body.toString());
  expect(['warm', 'after', ...unknown]).toEqual(expect.arrayContaining(there));
});
