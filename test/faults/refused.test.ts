import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { ByteProxy } from './byte-proxy.ts';
import type { Sent } from './http.ts';
import { jsonOf, Laboratory, type LaboratoryOptions, saying, until } from './laboratory.ts';

/** Well-formed refusals of one command, and the problem that each is. */
const REFUSALS = {
  OUT_OF_MEMORY: { status: 507, type: 'beanstalkd-out-of-memory' },
  INTERNAL_ERROR: { status: 502, type: 'beanstalkd-internal-error' },
} as const;
const EACH = ['OUT_OF_MEMORY', 'INTERNAL_ERROR'] as const;

/** The answer to `stats-job`, whole. */
const STATS_OF_JOB = /OK \d+\r\n---\nid: [^\r]*\r\n/;

/**
 * A gateway before a beanstalkd that can be made to refuse: it does what it is told, and its answer is exchanged on
 * the way back. No real one can be made to refuse all this.
 */
async function openRefusing(env: LaboratoryOptions['env'] = {}) {
  let proxy: ByteProxy | undefined;
  const laboratory = await Laboratory.open({
    env,
    via: async ({ address }) => {
      proxy = await ByteProxy.start(address);
      return proxy.url;
    },
  });
  onTestFinished(() => proxy?.close());
  const meddle = (how: ByteProxy['meddle']) => {
    if (proxy !== undefined) proxy.meddle = how;
  };
  const exchanged = (said: string, answer: RegExp, refusal: string) =>
    Buffer.from(said.replace(answer, `${refusal}\r\n`), 'latin1');
  /** The next answer like this one is exchanged; resolves then. */
  const exchange = (answer: RegExp, refusal: string) =>
    new Promise<void>((resolve) => {
      meddle((reply) => {
        const said = reply.toString('latin1');
        if (!answer.test(said)) return reply;
        meddle(undefined);
        resolve();
        return exchanged(said, answer, refusal);
      });
    });
  /** Every answer like this one is exchanged, until the function is called that this returns. */
  const exchangeAll = (answer: RegExp, refusal: string) => {
    meddle((reply) => exchanged(reply.toString('latin1'), answer, refusal));
    return () => meddle(undefined);
  };
  return { laboratory, exchange, exchangeAll };
}

type Row = readonly [method: string, path: string, answer: RegExp, sent?: Sent];

const ENDINGS: readonly Row[] = [
  ['DELETE', '', /DELETED\r\n/],
  ['POST', '/release', /RELEASED\r\n/],
  ['POST', '/release?delay=1', /RELEASED\r\n/],
  ['POST', '/bury', /BURIED\r\n/],
];

const OTHERS: readonly Row[] = [
  ['POST', '/v1/tubes/t/jobs/batch', /INSERTED \d+\r\n/, { body: '{"body":"x"}' }],
  ['POST', '/v1/tubes/nothing/reservations', /TIMED_OUT\r\n/],
  ['POST', '/v1/jobs/999/reservation', /NOT_FOUND\r\n/],
  ['GET', '/v1/jobs/1', STATS_OF_JOB],
  ['GET', '/v1/jobs/1', /FOUND [^\r]*\r\n[^\r]*\r\n/],
  ['DELETE', '/v1/jobs/999', /NOT_FOUND\r\n/],
  ['POST', '/v1/jobs/1/kick', /NOT_FOUND\r\n/],
  ['GET', '/v1/tubes/t/peek?state=ready', /FOUND [^\r]*\r\n[^\r]*\r\n/],
  ['POST', '/v1/tubes/t/kick?bound=1', /KICKED \d\r\n/],
  ['POST', '/v1/tubes/t/pause?delay=0', /PAUSED\r\n/],
  ['GET', '/v1/tubes', /OK \d+\r\n---\n- [^\r]*\r\n/],
];

test.for(EACH)(
  '%s is told to whose command it was; on the same connection all others stay',
  async (refusal) => {
    const { laboratory, exchange } = await openRefusing();
    const { raw } = laboratory;
    const problem = REFUSALS[refusal];
    for (let n = 0; n < 10; n += 1) await laboratory.put('t', 'x');
    const witness = await laboratory.reserveOne('t');
    await laboratory.call('GET', '/v1/tubes/t');
    const dialled = (await raw.stats('stats'))?.['total-connections'];

    void exchange(/INSERTED \d+\r\n/, refusal);
    const outcome = refusal === 'OUT_OF_MEMORY' ? 'none' : 'unknown';
    expect(saying(await laboratory.put('t'))).toEqual({ ...problem, outcome });
    for (const [method, path, answer] of ENDINGS) {
      const { reservation } = await laboratory.reserveOne('t');
      const end = () => laboratory.call(method, `/v1/reservations/${reservation}${path}`);
      void exchange(answer, refusal);
      expect(saying(await end()), path).toEqual({ ...problem, outcome: 'unknown' });
      expect(jsonOf(await end()), path).toMatchObject({ status: 410, reason: 'unknown' });
    }
    const touched = await laboratory.reserveOne('t');
    const touch = () => laboratory.call('POST', `/v1/reservations/${touched.reservation}/touch`);
    void exchange(/TOUCHED\r\n/, refusal);
    expect(saying(await touch())).toEqual({ ...problem, outcome: 'unknown' });
    expect((await touch()).status).toBe(200);
    void exchange(STATS_OF_JOB, refusal);
    expect(saying(await laboratory.call('GET', `/v1/reservations/${touched.reservation}`))).toEqual(problem);

    for (const [method, path, answer, sent] of OTHERS) {
      void exchange(answer, refusal);
      const headers = { 'content-type': 'application/x-ndjson' };
      const got = await laboratory.call(method, path, { headers, ...sent });
      if (got.status === 200) {
        const { results } = jsonOf(got) as { results: unknown[] };
        expect(results, path).toMatchObject([{ ...problem, type: `/problems/${problem.type}` }]);
      } else {
        expect(saying(got), path).toMatchObject(problem);
      }
    }
    for (const { reservation, job } of [witness, touched]) {
      expect((await laboratory.call('GET', `/v1/reservations/${reservation}`)).status).toBe(200);
      expect(await raw.stateOf(job.id)).toBe('reserved');
      expect((await laboratory.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
    }
    expect((await raw.stats('stats'))?.['total-connections']).toBe(dialled);
    await laboratory.untilFigure('reservations', 0);
    expect(await laboratory.figure('body_bytes')).toBe(0);
  },
);

test('BURIED to a put or a release: the job exists and is buried, and the answer says which', async () => {
  const { laboratory, exchange } = await openRefusing();
  void exchange(/INSERTED 1\r\n/, 'BURIED 1');
  const buried = { status: 507, type: '/problems/beanstalkd-out-of-memory', outcome: 'unknown', id: '1' };
  expect(jsonOf(await laboratory.put('t'))).toMatchObject(buried);
  const witness = await laboratory.reserveOne('t');
  await laboratory.put('t');
  const { reservation, job } = await laboratory.reserveOne('t');
  const release = () => laboratory.call('POST', `/v1/reservations/${reservation}/release?delay=1`);
  void exchange(/RELEASED\r\n/, 'BURIED');
  expect(jsonOf(await release())).toMatchObject({ ...buried, id: job.id });
  expect(jsonOf(await release())).toMatchObject({ status: 410, reason: 'buried' });
  const other = await laboratory.call('DELETE', `/v1/reservations/${witness.reservation}`);
  expect(other.status).toBe(204);
});

test.for(EACH)('a wait that is answered %s goes on for those who have time', async (refusal) => {
  const { laboratory, exchange } = await openRefusing({ RESERVE_SLICE: '1' });
  const waiting = laboratory.reserveOne('t', '?timeout=20');
  await laboratory.untilWaiting('t');
  await exchange(/TIMED_OUT\r\n/, refusal);
  await laboratory.untilWaiting('t');
  await laboratory.put('t', 'came at last');
  expect((await waiting).body).toBe('came at last');
});

test.for([
  ['that was ready', 'stats-job', STATS_OF_JOB],
  ['that was waited for', 'stats-job', STATS_OF_JOB],
  ['that was waited for', 'touch', /TOUCHED\r\n/],
] as const)(
  'a job %s does not stick when its %s is refused: its caller has it within a second',
  async ([job, , answer]) => {
    const { laboratory, exchange } = await openRefusing();
    const { raw } = laboratory;
    const exchanged = exchange(answer, 'OUT_OF_MEMORY');
    const ready = job === 'that was ready';
    if (ready) await raw.put('t', 'x', { priority: 7 });
    const asking = laboratory.reserveOne('t', '?timeout=3');
    if (!ready) {
      await laboratory.untilWaiting('t');
      await raw.put('t', 'x', { priority: 7 });
    }
    await exchanged;
    const from = performance.now();
    expect((await asking).job).toMatchObject({ priority: 7 });
    expect(performance.now() - from).toBeLessThan(1_000);
  },
);

test('nor does one that was asked for by its id', async () => {
  const { laboratory, exchange } = await openRefusing();
  const id = await laboratory.raw.put('t', 'x', { priority: 7 });
  void exchange(STATS_OF_JOB, 'OUT_OF_MEMORY');
  // Where the refusal is the answer of the first call, the job is there for the next.
  const reserve = async () => (await laboratory.call('POST', `/v1/jobs/${id}/reservation`)).status === 200;
  await poll('it is reserved', reserve, 1_000);
  expect(await laboratory.raw.stats(`stats-job ${id}`)).toMatchObject({ pri: '7' });
});

test('nor does one whose stats-job is refused for as long as it is asked for', async () => {
  const { laboratory, exchangeAll } = await openRefusing();
  const id = await laboratory.raw.put('t', 'x');
  const stop = exchangeAll(STATS_OF_JOB, 'OUT_OF_MEMORY');
  expect(saying(await laboratory.reserve('t'))).toMatchObject(REFUSALS.OUT_OF_MEMORY);
  await laboratory.untilState(id, 'ready');
  stop();
  expect((await laboratory.reserveOne('t')).job.id).toBe(id);
});

test('a refused poke is not the last one', async () => {
  const { laboratory, exchange } = await openRefusing();
  const { raw } = laboratory;
  const id = await raw.put('t', 'x', { ttr: 1 });
  const { expiresAt } = await laboratory.reserveOne('t');
  void exchange(STATS_OF_JOB, 'OUT_OF_MEMORY');
  await until(performance.now() + Date.parse(expiresAt) - Date.now());
  await laboratory.untilFigure('reservations', 0, 1_000);
  expect(await raw.stateOf(id)).toBe('ready');
});

test('an ending that stays behind its refused touch has ended nothing', async () => {
  const { laboratory, exchange } = await openRefusing();
  const { raw } = laboratory;
  // So little time that the ending goes behind a touch.
  const id = await raw.put('t', 'x', { ttr: 4 });
  const { reservation } = await laboratory.reserveOne('t');
  const end = () => laboratory.call('DELETE', `/v1/reservations/${reservation}`);
  void exchange(/TOUCHED\r\n/, 'OUT_OF_MEMORY');
  expect(saying(await end())).toMatchObject({ status: 507 });
  expect(saying(await end())).toEqual({ status: 204 });
  expect(await raw.stateOf(id)).toBeUndefined();
});
