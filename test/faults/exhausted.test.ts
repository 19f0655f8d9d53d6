import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { LOOPBACK } from '../support/place.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import type { Answer, Sent } from './http.ts';
import { jsonOf, Laboratory, saying, until } from './laboratory.ts';

const run = promisify(execFile);

/** Any stop that has not waited for it ends far sooner. */
const LONG_GRACE = { SHUTDOWN_GRACE_MS: '600000' };

interface Result {
  readonly status: number;
  readonly type?: string;
  readonly outcome?: string;
}

const resultsIn = (answer: Answer): Result[] => (jsonOf(answer) as { results: Result[] }).results;
const json = (body: unknown): Sent => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const serverFigure = async (raw: RawConnection, name: string): Promise<number> =>
  Number((await raw.stats('stats'))?.[name]);

async function hold(laboratory: Laboratory, tube: string, jobs: number): Promise<string[]> {
  const held: string[] = [];
  for (let n = 0; n < jobs; n += 1) held.push((await laboratory.reserveOne(tube)).reservation);
  return held;
}

const settle = (laboratory: Laboratory, reservation: string, how: string): Promise<Answer> =>
  how === ''
    ? laboratory.call('DELETE', `/v1/reservations/${reservation}`)
    : laboratory.call('POST', `/v1/reservations/${reservation}/${how}`);

test('in drain mode every put is refused, over the connections that there are, and all else goes on', async () => {
  const laboratory = await Laboratory.open({ args: ['-z', '1000000'] });
  const { beanstalkd, raw } = laboratory;
  for (let n = 0; n < 5; n += 1) await laboratory.put('t', `${n}`);
  await laboratory.put('t', 'a large one', '?delay=100');
  await laboratory.call('POST', '/v1/tubes/t/jobs', { body: Buffer.alloc(300_000) });
  const [done = '', back = '', later = '', aside = '', longer = ''] = await hold(laboratory, 't', 5);
  beanstalkd.signal('SIGUSR1');
  await poll('it drains', async () => (await raw.stats('stats'))?.['draining'] === 'true');
  const dialled = await serverFigure(raw, 'total-connections');

  const refused = { status: 503, type: 'beanstalkd-draining', outcome: 'none' };
  const bodies = Array.from({ length: 40 }, (_, n) => Buffer.alloc(n % 10 === 0 ? 300_000 : 1_000));
  const puts = await Promise.all([
    ...bodies.map((body) => laboratory.call('POST', '/v1/tubes/t/jobs', { body })),
    laboratory.call('POST', '/v1/tubes/t/jobs/batch', json({ jobs: [{ body: 'a' }, { body: 'b' }] })),
    laboratory.call('POST', '/v1/tubes/t/jobs/batch', json({ jobs: [{ body: 'a' }, { wrong: 'b' }] })),
  ]);
  expect(puts.map(saying)).toEqual(puts.map(() => refused));
  for (const { headers } of puts) expect(Number(headers['retry-after'])).toBeGreaterThan(0);

  const settled = [
    await settle(laboratory, done, ''),
    await settle(laboratory, back, 'release'),
    await settle(laboratory, later, 'release?delay=100'),
    await settle(laboratory, aside, 'bury'),
  ];
  expect(settled.map(saying)).toEqual(settled.map(() => ({ status: 204 })));
  expect(saying(await settle(laboratory, longer, 'touch'))).toEqual({ status: 200 });
  expect(await raw.stats('stats-tube t')).toMatchObject({
    'total-jobs': '7',
    'current-jobs-ready': '2',
    'current-jobs-delayed': '2',
    'current-jobs-buried': '1',
    'current-jobs-reserved': '1',
  });
  // What was refused has broken no connection: not one was dialled anew.
  expect(await serverFigure(raw, 'total-connections')).toBe(dialled);

  const cleared = await laboratory.call('DELETE', '/v1/tubes/t/jobs?state=ready&state=delayed');
  expect(jsonOf(cleared)).toEqual({ deleted: 4, more: false });
  const waiting = laboratory.reserveOne('t', '?timeout=20');
  await laboratory.untilWaiting('t');
  expect(jsonOf(await laboratory.call('POST', '/v1/tubes/t/kick?bound=1'))).toEqual({ kicked: 1 });
  expect((await waiting).job).toMatchObject({ reserves: 2 });

  await beanstalkd.kill();
  await beanstalkd.run();
  await poll('puts are taken again', async () => (await laboratory.put('t')).status === 201, 2_000);
});

test('out of descriptors: what is connected goes on, what is not is told in time, and 2 s later all is well', async () => {
  const laboratory = await Laboratory.open({
    server: { ...LOOPBACK, inside: ['sh', '-c', 'ulimit -n 30 && exec "$@"', 'sh'] },
    args: ['-z', '1000000'],
    env: { CONNECT_TIMEOUT_MS: '1000', COMMAND_TIMEOUT_MS: '1000' },
  });
  const { beanstalkd, raw } = laboratory;
  for (let n = 0; n < 30; n += 1) await laboratory.put('t', `${n}`);
  const [kept = '', ...held] = await hold(laboratory, 't', 6);
  const dialledBefore = await serverFigure(raw, 'total-connections');
  const asked = await serverFigure(raw, 'cmd-reserve-with-timeout');
  // beanstalkd accepts in order, so whoever dials behind these waits for the first of them to leave.
  const others = await Promise.all(Array.from({ length: 30 }, () => beanstalkd.raw()));
  const from = performance.now();

  const bulk = { body: Buffer.alloc(300_000) };
  const needDials = (): Promise<Answer>[] => [
    laboratory.call('POST', '/v1/tubes/t/jobs', bulk),
    laboratory.call('GET', '/v1/tubes/t'),
    laboratory.call('DELETE', '/v1/tubes/t/jobs?state=ready'),
  ];
  const waiting = Array.from({ length: 20 }, (_, n) => laboratory.reserveOne(`late${n}`, '?timeout=20'));
  for (const [round, done] of held.entries()) {
    const answers = await Promise.all(needDials());
    for (const answer of answers) {
      expect(saying(answer)).toMatchObject({ status: 503, type: 'beanstalkd-unreachable' });
      // The first have to find it out by the dial timeout; later ones know.
      expect(answer.took).toBeLessThan(round === 0 ? 1_500 : 500);
    }
    expect((await laboratory.put('t')).status).toBe(201);
    expect((await laboratory.reserveOne('t')).job.tube).toBe('t');
    expect((await settle(laboratory, kept, 'touch')).status).toBe(200);
    expect((await settle(laboratory, done, 'release')).status).toBe(204);
    await until(from + (round + 1) * 500);
  }
  // They have no connection to wait on, and ask in turns.
  await laboratory.put('late0', 'came meanwhile');
  expect((await waiting[0])?.body).toBe('came meanwhile');
  const seconds = (performance.now() - from) / 1_000;
  const questions = (await serverFigure(raw, 'cmd-reserve-with-timeout')) - asked;
  expect(questions / seconds).toBeLessThan(2_000);

  for (const other of others) other.close();
  const freedAt = performance.now();
  await poll(
    'all is well',
    async () => (await Promise.all(needDials())).every(({ status }) => status < 300),
    2_000,
  );
  for (let n = 1; n < 20; n += 1) await laboratory.put(`late${n}`, `${n}`);
  await Promise.all(waiting.slice(1));
  expect(performance.now() - freedAt).toBeLessThan(2_000);
  // Now that all who knocked were let in they are counted: those who had to find out, a few who went on trying,
  // and those who wait again.
  const dialled = (await serverFigure(raw, 'total-connections')) - dialledBefore - others.length;
  expect(dialled).toBeLessThan(60);
});

/** Why no disk can be mounted here; undefined where it can. */
function whyNoDisk(): string | undefined {
  const { status, error, stderr } = spawnSync('unshare', [
    '--mount',
    'mount',
    '-t',
    'tmpfs',
    'tmpfs',
    tmpdir(),
  ]);
  return status === 0
    ? undefined
    : `no disk can be mounted here (${error?.message ?? stderr.toString().trim()})`;
}

const noDisk = whyNoDisk();
if (noDisk !== undefined) console.log(`exhausted: the full disk is left out: ${noDisk}`);

/** A beanstalkd whose binlog is on a disk of 64 KiB, which is there for this process alone and ends with it. */
async function withSmallDisk(env: Record<string, string>) {
  const dir = await mkdtemp(join(tmpdir(), 'gateway-disk-'));
  onTestFinished(() => rmdir(dir));
  const mount = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
  const laboratory = await Laboratory.open({
    server: { ...LOOPBACK, inside: ['unshare', '--mount', 'sh', '-c', mount, dir] },
    args: ['-b', dir, '-s', '16384'],
    env,
  });
  const disk = `--mount=/proc/${laboratory.beanstalkd.pid}/ns/mnt`;
  return { laboratory, grow: () => run('nsenter', [disk, 'mount', '-o', 'remount,size=1m', dir]) };
}

test.skipIf(noDisk !== undefined)(
  'the binlog disk is full: said as it is, tried once, and nothing sticks in the gateway',
  async () => {
    const { laboratory, grow } = await withSmallDisk(LONG_GRACE);
    const { raw, gateway } = laboratory;
    const noRoom = { status: 507, type: 'beanstalkd-out-of-memory' };
    let puts = 0;
    for (;;) {
      const answer = await laboratory.put('t', 'x'.repeat(1_000));
      if (answer.status !== 201) {
        expect(saying(answer)).toEqual({ ...noRoom, outcome: 'none' });
        break;
      }
      puts += 1;
    }
    expect(puts).toBeGreaterThan(30);
    const batch = json({ jobs: [{ body: 'a' }, { body: 'b' }] });
    const inBatch = { status: 507, type: '/problems/beanstalkd-out-of-memory', outcome: 'none' };
    const results = resultsIn(await laboratory.call('POST', '/v1/tubes/t/jobs/batch', batch));
    expect(results).toMatchObject([inBatch, inBatch]);

    const ways = [
      { how: 'bury', said: { status: 502, type: 'beanstalkd-internal-error', outcome: 'unknown' } },
      { how: 'release?delay=10', said: { ...noRoom, outcome: 'unknown' } },
      { how: 'release', said: { status: 204 } },
      { how: '', said: { status: 204 } },
    ];
    const held = await hold(laboratory, 't', 30);
    const settled = ways.flatMap((way, n) =>
      held.slice(n * 5, n * 5 + 5).map((reservation) => ({ reservation, ...way })),
    );
    const settleAll = () =>
      Promise.all(settled.map(({ reservation, how }) => settle(laboratory, reservation, how)));
    expect((await settleAll()).map(saying)).toEqual(settled.map(({ said }) => said));
    // The same again, as a careful caller would: what failed is over, what was done is done.
    const over = { status: 410, type: 'reservation-ended', outcome: 'none' };
    const again = await settleAll();
    expect(again.map(saying)).toEqual(settled.map(({ said }) => (said.status === 204 ? said : over)));
    for (const answer of again)
      if (answer.status === 410) expect(jsonOf(answer)).toMatchObject({ reason: 'unknown' });
    // Each was tried once: beanstalkd has orphaned those jobs, and a second time would only make it worse.
    expect(await raw.stats('stats')).toMatchObject({
      'cmd-bury': '5',
      'cmd-release': '10',
      'cmd-delete': '5',
    });

    // The others, on the same connection, were not touched by it.
    expect(await laboratory.figure('reservations')).toBe(10);
    const rest = held.slice(20);
    for (const one of rest) expect((await settle(laboratory, one, 'touch')).status).toBe(200);
    await grow();
    expect((await laboratory.put('t')).status).toBe(201);
    for (const one of rest) expect((await settle(laboratory, one, 'bury')).status).toBe(204);
    expect(await laboratory.figure('reservations')).toBe(0);
    expect(await laboratory.figure('body_bytes')).toBe(0);
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual({ code: 0, signal: null });
  },
);
