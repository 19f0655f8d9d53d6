import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tubeFigure } from '../pool/house.ts';
import { poll } from '../support/beanstalkd.ts';
import { Crowd } from './crowd.ts';
import { jsonOf, Laboratory, type LaboratoryOptions, saying } from './laboratory.ts';
import { SETTLES } from './wave.ts';

const COMMAND_MS = 1_000;
/** Far longer than any test: what ends sooner has not waited for it. */
const LONG_MS = 600_000;
const LATE_MS = 250;
/** What a stop may take besides its grace: the calls under way get their answers, and the lanes say goodbye. */
const CLOSE_MS = COMMAND_MS + 500 + COMMAND_MS + LATE_MS;
const STOPPED = { code: 0, signal: null };
const SHUTTING_DOWN = { status: 503, type: 'shutting-down', outcome: 'none' };

const open = (graceMs: number, options: LaboratoryOptions = {}): Promise<Laboratory> =>
  Laboratory.open({
    ...options,
    env: {
      SHUTDOWN_GRACE_MS: `${graceMs}`,
      COMMAND_TIMEOUT_MS: `${COMMAND_MS}`,
      CONNECT_TIMEOUT_MS: `${COMMAND_MS}`,
    },
  });

/** Those who wait have been told, truly at once, that nothing comes and that this connection ends. */
async function expectSentHome({ waiting }: Crowd): Promise<void> {
  const from = performance.now();
  for (const answer of await waiting) {
    expect(answer?.headers.connection).toBe('close');
    if (answer?.status !== 204) expect(answer && jsonOf(answer)).toEqual({ reservations: [] });
  }
  expect(performance.now() - from).toBeLessThan(500);
}

/** Nothing is reserved any more, and all that was held is ready again. */
const untilNobodyHolds = ({ raw }: Laboratory, { held }: Crowd): Promise<void> =>
  poll(
    'all are ready again',
    async () =>
      (await raw.stats('stats'))?.['current-jobs-reserved'] === '0' &&
      (await tubeFigure(raw, 'held', 'current-jobs-ready')) === held.length,
    1_000,
  );

const readiness = async (laboratory: Laboratory) => saying(await laboratory.call('GET', '/readyz'));

test('SIGTERM in the middle of everything: those who wait go home, who holds can settle, and it ends with the last', async () => {
  const laboratory = await open(LONG_MS);
  const { raw, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  gateway.signal('SIGTERM');
  await expectSentHome(crowd);
  expect(await readiness(laboratory)).toMatchObject({ status: 503, type: 'shutting-down' });
  for (const said of await crowd.produced) expect(said).toEqual(SHUTTING_DOWN);
  crowd.upload.says('67890');
  const refused = await crowd.upload.answer();
  expect(refused).toMatchObject({ status: 503 });
  expect(refused?.headers.get('connection')).toBe('close');
  expect(await laboratory.raw.stats('stats-tube uploaded')).toBeUndefined();

  const last = crowd.held.length - 1;
  for (const [n, { reservation, job }] of crowd.held.entries()) {
    const { action, method, path, after } = SETTLES[n % SETTLES.length] ?? SETTLES[0];
    const target = `/v1/reservations/${reservation}`;
    // On connections of before, and on new ones.
    const caller = crowd.old[n];
    if (caller === undefined) {
      expect((await laboratory.call(method, target + path)).status).toBe(action === 'touch' ? 200 : 204);
    } else {
      caller.says(`${method} ${target}${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const answer = await caller.answer();
      expect(answer?.status).toBe(action === 'touch' ? 200 : 204);
      expect(answer?.headers.get('connection')).toBe('close');
    }
    if (action === 'touch') {
      expect(await raw.stateOf(job.id)).toBe('reserved');
      if (n < last) expect((await laboratory.call('DELETE', target)).status).toBe(204);
    } else {
      expect(await raw.stateOf(job.id)).toBe(after);
    }
  }
  await crowd.worked;
  expect(await laboratory.figure('reservations')).toBe(1);
  const ending = `/v1/reservations/${crowd.held[last]?.reservation}`;
  expect((await laboratory.call('DELETE', ending)).status).toBe(204);
  const from = performance.now();
  expect(await gateway.exit).toEqual(STOPPED);
  expect(performance.now() - from).toBeLessThan(CLOSE_MS);
  expect(await crowd.unaccounted(raw)).toEqual({ lost: [], unwanted: [] });
});

test('past the grace all that is held is ready again, and an upload that never ends is cut off', async () => {
  const laboratory = await open(500);
  const { raw, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  gateway.signal('SIGTERM');
  const from = performance.now();
  await expectSentHome(crowd);
  expect(await gateway.exit).toEqual(STOPPED);
  const took = performance.now() - from;
  expect(took).toBeGreaterThan(490);
  expect(took).toBeLessThan(500 + CLOSE_MS);
  await untilNobodyHolds(laboratory, crowd);
  expect(await crowd.unaccounted(raw)).toEqual({ lost: [], unwanted: [] });
});

test('SIGTERM while beanstalkd is frozen: nobody waits for it longer than the grace and a deadline', async () => {
  const laboratory = await open(1_500);
  const { beanstalkd, raw, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  beanstalkd.signal('SIGSTOP');
  gateway.signal('SIGTERM');
  const from = performance.now();
  await expectSentHome(crowd);
  expect(await readiness(laboratory)).toMatchObject({ status: 503, type: 'shutting-down' });
  expect(await gateway.exit).toEqual(STOPPED);
  expect(performance.now() - from).toBeLessThan(1_500 + CLOSE_MS);
  beanstalkd.signal('SIGCONT');
  await untilNobodyHolds(laboratory, crowd);
  expect(await crowd.unaccounted(raw)).toEqual({ lost: [], unwanted: [] });
});

test('frozen, and told to settle: all is unknown after one deadline, and then nothing is held any more', async () => {
  const laboratory = await open(LONG_MS);
  const { beanstalkd, raw, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  beanstalkd.signal('SIGSTOP');
  gateway.signal('SIGTERM');
  const from = performance.now();
  const settled = await Promise.all(
    crowd.held.map(({ reservation }) => laboratory.call('DELETE', `/v1/reservations/${reservation}`)),
  );
  const unknown = { status: 504, type: 'beanstalkd-timeout', outcome: 'unknown' };
  expect(settled.map(saying)).toEqual(settled.map(() => unknown));
  expect(performance.now() - from).toBeLessThan(COMMAND_MS + LATE_MS);
  expect(await gateway.exit).toEqual(STOPPED);
  expect(performance.now() - from).toBeLessThan(COMMAND_MS + CLOSE_MS);
  beanstalkd.signal('SIGCONT');
  const reserved = async () => tubeFigure(raw, 'held', 'current-jobs-reserved');
  await poll('nobody holds anything', async () => (await reserved()) === 0, 1_000);
  expect(await crowd.unaccounted(raw)).toEqual({ lost: [], unwanted: [] });
});

test('SIGTERM while beanstalkd is away: there is nothing left to wait for', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gateway-binlog-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const laboratory = await open(LONG_MS, { args: ['-b', dir] });
  const { beanstalkd, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  await beanstalkd.kill();
  await laboratory.untilFigure('reservations', 0);
  gateway.signal('SIGTERM');
  const from = performance.now();
  await expectSentHome(crowd);
  expect(await gateway.exit).toEqual(STOPPED);
  expect(performance.now() - from).toBeLessThan(CLOSE_MS);
  await beanstalkd.run();
  expect(await crowd.unaccounted(await beanstalkd.raw())).toEqual({ lost: [], unwanted: [] });
});

test('SIGKILL in the middle of everything: all that was held is ready within a second, no acknowledged put is lost', async () => {
  const laboratory = await open(LONG_MS);
  const { raw, gateway } = laboratory;
  const crowd = await Crowd.gather(laboratory);
  gateway.signal('SIGKILL');
  await untilNobodyHolds(laboratory, crowd);
  expect(await gateway.exit).toEqual({ code: null, signal: 'SIGKILL' });
  await Promise.all([crowd.produced, crowd.worked]);
  expect(await crowd.unaccounted(raw)).toEqual({ lost: [], unwanted: [] });
});
