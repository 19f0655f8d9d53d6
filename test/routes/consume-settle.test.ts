import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type Answer, expectProblem, expiresAtIn, House, jsonOf, resultsIn } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** A job that the gateway holds. */
async function held({ priority = 1024, ttr = 60 } = {}) {
  const tube = house.tube();
  const id = await house.raw.put(tube, 'x', { priority, ttr });
  const { reservation, expiresAt } = await house.reserveOne(tube);
  const path = `/v1/reservations/${reservation}`;
  return { tube, id, reservation, expiresAt, path };
}

const ended = (answer: Answer, reason: string) => expectProblem(answer, 410, 'reservation-ended', { reason });

const ENDINGS: [string, string, string][] = [
  ['deleted', 'DELETE', ''],
  ['released', 'POST', '/release?delay=100'],
  ['buried', 'POST', '/bury'],
];

describe('looking', () => {
  test('fresh statistics, no body', async () => {
    const { tube, id, reservation, path, expiresAt } = await held({ priority: 5 });
    const answer = await house.call('GET', path);
    expect(answer.status).toBe(200);
    const found = jsonOf(answer);
    expect(found).toEqual({
      reservation,
      job: {
        id,
        tube,
        priority: 5,
        ttr: 60,
        delay: 0,
        age: expect.any(Number),
        reserves: 1,
        timeouts: 0,
        releases: 0,
        buries: 0,
        kicks: 0,
        state: 'reserved',
        timeLeft: expect.any(Number),
        file: 0,
      },
      expiresAt: expect.any(String),
    });
    const { timeLeft } = (found as { job: { timeLeft: number } }).job;
    expect([59, 60]).toContain(timeLeft);
    // The same moment, but for the rounding of two clocks.
    expect(Math.abs(expiresAtIn(answer) - Date.parse(expiresAt))).toBeLessThanOrEqual(2);
  });

  test('unknown: 404', async () => {
    expectProblem(await house.call('GET', `/v1/reservations/${UNKNOWN}`), 404, 'reservation-not-found');
  });
});

describe('endings', () => {
  test('delete: the job is gone; again 204', async () => {
    const { id, path } = await held();
    const answer = await house.call('DELETE', path);
    expect([answer.status, answer.bytes.length]).toEqual([204, 0]);
    expect(await house.raw.stateOf(id)).toBeUndefined();
    expect((await house.call('DELETE', path)).status).toBe(204);
  });

  test('release: ready with its own priority; again 204', async () => {
    const { tube, id, path } = await held({ priority: 77 });
    expect((await house.post(`${path}/release`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'ready', pri: '77', releases: '1' });
    expect((await house.post(`${path}/release`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ releases: '1' });
    // Also when somebody else holds it by now, and it stays theirs.
    expect((await house.raw.reserve(tube))?.id).toBe(id);
    expect((await house.post(`${path}/release`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', releases: '1', reserves: '2' });
  });

  test('release with a priority and a delay', async () => {
    const { id, path } = await held({ priority: 77 });
    expect((await house.post(`${path}/release?priority=4294967295&delay=100`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'delayed', pri: '4294967295', delay: '100' });
    expect((await house.post(`${path}/release?delay=100&priority=4294967295`)).status).toBe(204);
    ended(await house.post(`${path}/release?delay=99&priority=4294967295`), 'released');
    ended(await house.post(`${path}/release`), 'released');
  });

  test('release with priority 0', async () => {
    const { id, path } = await held({ priority: 77 });
    expect((await house.post(`${path}/release?priority=0`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'ready', pri: '0' });
  });

  test('bury: with its own priority; again 204', async () => {
    const { id, path } = await held({ priority: 77 });
    expect((await house.post(`${path}/bury`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'buried', pri: '77', buries: '1' });
    expect((await house.post(`${path}/bury`)).status).toBe(204);
    ended(await house.post(`${path}/bury?priority=1`), 'buried');
    expect(await house.stat(id)).toMatchObject({ state: 'buried', pri: '77', buries: '1' });
  });

  test('bury with a priority', async () => {
    const { id, path } = await held();
    expect((await house.post(`${path}/bury?priority=0`)).status).toBe(204);
    expect(await house.stat(id)).toMatchObject({ state: 'buried', pri: '0' });
  });

  test.each(ENDINGS)('%s: anything else is 410 with the reason', async (reason, method, suffix) => {
    const { path } = await held();
    expect((await house.call(method, path + suffix)).status).toBe(204);
    for (const [other, otherMethod, otherSuffix] of ENDINGS) {
      const answer = await house.call(otherMethod, path + otherSuffix);
      if (other === reason) expect(answer.status).toBe(204);
      else ended(answer, reason);
    }
    ended(await house.call('GET', path), reason);
    ended(await house.post(`${path}/touch`), reason);
  });

  test.each(ENDINGS)('%s by ten calls at once: all share it', async (_reason, method, suffix) => {
    const { path } = await held();
    const before = await house.figure(
      `cmd-${method === 'DELETE' ? 'delete' : suffix.slice(1).split('?')[0]}`,
    );
    const answers = await Promise.all(Array.from({ length: 10 }, () => house.call(method, path + suffix)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 204));
    const after = await house.figure(`cmd-${method === 'DELETE' ? 'delete' : suffix.slice(1).split('?')[0]}`);
    expect(after - before).toBe(1);
  });

  test('different endings at once: one wins, the others are told which', async () => {
    const { id, path } = await held();
    const answers = await Promise.all(ENDINGS.map(([, method, suffix]) => house.call(method, path + suffix)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 410, 410]);
    const won = ENDINGS[answers.findIndex(({ status }) => status === 204)]?.[0];
    for (const answer of answers) if (answer.status === 410) ended(answer, won ?? '');
    const state = { deleted: undefined, released: 'delayed', buried: 'buried' }[won ?? ''];
    expect(await house.raw.stateOf(id)).toBe(state);
  });

  test.each([...ENDINGS, ['touch', 'POST', '/touch']])(
    '%s of an unknown one: 404',
    async (_name, method, suffix) => {
      const answer = await house.call(method, `/v1/reservations/${UNKNOWN}${suffix}`);
      expectProblem(answer, 404, 'reservation-not-found', { outcome: 'none' });
    },
  );

  test.each([
    ['POST', '/release?priority=-1', 'priority'],
    ['POST', '/release?priority=4294967296', 'priority'],
    ['POST', '/release?delay=1.5', 'delay'],
    ['POST', '/release?ttr=5', 'ttr'],
    ['POST', '/bury?delay=5', 'delay'],
    ['POST', '/bury?priority=x', 'priority'],
    ['POST', '/touch?ttr=5', 'ttr'],
    ['DELETE', '?force=1', 'force'],
    ['GET', '?body=1', 'body'],
  ])('%s %s: 400, and it is held as before', async (method, suffix, name) => {
    const { id, path } = await held();
    expectProblem(await house.call(method, path + suffix), 400, 'invalid-request', {
      errors: expect.arrayContaining([{ in: 'query', name, message: expect.any(String) }]),
    });
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', releases: '0', buries: '0' });
    expect((await house.call('DELETE', path)).status).toBe(204);
  });

  test.each([
    ['POST', '/release'],
    ['POST', '/bury'],
    ['POST', '/touch'],
    ['DELETE', ''],
  ])('%s %s with an empty body of any type is fine, with a body it is 400', async (method, suffix) => {
    const { id, path } = await held();
    const headers = { 'content-type': 'application/json' };
    expectProblem(
      await house.call(method, path + suffix, { headers: { ...headers, 'content-length': 2 }, body: '{}' }),
      400,
      'invalid-request',
    );
    expect(await house.raw.stateOf(id)).toBe('reserved');
    expect((await house.call(method, path + suffix, { headers })).status).toBeLessThan(300);
  });

  test.each(['%0D%0A', 'a%20b', 'x'.repeat(201), '%2F'])('the reservation %s: 400', async (token) => {
    expectProblem(await house.call('DELETE', `/v1/reservations/${token}`), 400, 'invalid-request', {
      errors: [{ in: 'path', name: 'reservation', message: expect.any(String) }],
    });
  });
});

describe('time', () => {
  /**
   * When beanstalkd takes the job back, on the wall clock, to within a poll: `time-left` is cut to whole seconds, so
   * the moment at which it changes tells the rest.
   */
  async function deadlineOf(own: House, id: string): Promise<{ earliest: number; latest: number }> {
    const raw = await own.beanstalkd.raw();
    const left = async () => Number((await raw.stats(`stats-job ${id}`))?.['time-left']);
    const first = await left();
    for (;;) {
      const from = Date.now();
      const now = await left();
      if (now === first) continue;
      raw.close();
      // It changed between the last reading and this one's end.
      return { earliest: from + first * 1000 - 250, latest: Date.now() + first * 1000 };
    }
  }

  const ways: [string, (own: House, tube: string) => Promise<string>][] = [
    ['a take', async (own, tube) => (await own.reserveOne(tube)).expiresAt],
    [
      'a touch',
      async (own, tube) => {
        const { reservation } = await own.reserveOne(tube);
        return new Date(expiresAtIn(await own.post(`/v1/reservations/${reservation}/touch`))).toISOString();
      },
    ],
    [
      'looking',
      async (own, tube) => {
        const { reservation } = await own.reserveOne(tube);
        return new Date(expiresAtIn(await own.call('GET', `/v1/reservations/${reservation}`))).toISOString();
      },
    ],
    [
      'bytes',
      async (own, tube) => {
        const headers = { accept: 'application/octet-stream' };
        const answer = await own.post(`/v1/tubes/${tube}/reservations`, { headers });
        return String(answer.headers['reservation-expires']);
      },
    ],
  ];
  test.each(ways)('expiresAt after %s is never later than beanstalkd’s own deadline', async (_name, take) => {
    const tube = house.tube();
    const id = await house.raw.put(tube, 'x', { ttr: 9 });
    const from = Date.now();
    const expiresAt = Date.parse(await take(house, tube));
    const { earliest, latest } = await deadlineOf(house, id);
    expect(expiresAt).toBeLessThanOrEqual(latest);
    // Nor so early that it is of no use.
    expect(expiresAt).toBeGreaterThanOrEqual(Math.max(from + 9_000 - 2, earliest - 250));
  });

  test('expiresAt after a wait likewise', async () => {
    const tube = house.tube();
    const asking = house.reserveOne(tube, '?timeout=20');
    await house.untilWaiting(tube);
    const id = await house.raw.put(tube, 'x', { ttr: 9 });
    const { expiresAt } = await asking;
    const { earliest, latest } = await deadlineOf(house, id);
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(latest);
    expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(earliest - 250);
  });

  test('touch begins the time to run anew', async () => {
    const { id, path, expiresAt } = await held({ ttr: 2 });
    await poll('a second is gone', async () => (await house.stat(id))['time-left'] === '0');
    const touched = await house.post(`${path}/touch`);
    expect(touched.status).toBe(200);
    expect(jsonOf(touched)).toEqual({ expiresAt: expect.stringMatching(/Z$/) });
    expect(expiresAtIn(touched)).toBeGreaterThan(Date.parse(expiresAt) + 900);
    expect((await house.stat(id))['time-left']).toBe('1');
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', timeouts: '0' });
    expect((await house.call('DELETE', path)).status).toBe(204);
  });

  test('expired: ready again within a second, and 410 for everything', async () => {
    const { tube, id, path, expiresAt } = await held({ ttr: 1 });
    await poll('it is ready again', async () => (await house.raw.stateOf(id)) === 'ready', 2_000);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt) - 2);
    expect(Date.now()).toBeLessThan(Date.parse(expiresAt) + 1_000);
    expect((await house.stat(id))['timeouts']).toBe('1');
    // The next holder's job is not ended by the former one.
    expect((await house.raw.reserve(tube))?.id).toBe(id);
    ended(await house.call('GET', path), 'expired');
    ended(await house.post(`${path}/touch`), 'expired');
    for (const [, method, suffix] of ENDINGS) ended(await house.call(method, path + suffix), 'expired');
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', reserves: '2' });
  });

  test('the next reservation of the same job has another name, and the former stays ended', async () => {
    const { tube, id, path } = await held({ ttr: 1 });
    const next = await house.reserveOne(tube, '?timeout=5');
    expect(next.job).toMatchObject({ id, reserves: 2 });
    expect(path).not.toContain(next.reservation);
    ended(await house.call('DELETE', path), 'expired');
    expect(await house.raw.stateOf(id)).toBe('reserved');
    expect((await house.call('DELETE', `/v1/reservations/${next.reservation}`)).status).toBe(204);
    expect(await house.raw.stateOf(id)).toBeUndefined();
  });
});

test('the connection lost: 410 connection-lost', async () => {
  const own = await House.forTest();
  await own.raw.put('t', 'x');
  const { reservation } = await own.reserveOne('t');
  await own.beanstalkd.kill();
  await poll('it is over', () => own.gateway.pool.snapshot().reservations === 0);
  ended(await own.call('DELETE', `/v1/reservations/${reservation}`), 'connection-lost');
});

test('an ending under way when the connection is lost: 502, and then 410 unknown', async () => {
  const own = await House.forTest();
  await own.raw.put('t', 'x');
  const { reservation } = await own.reserveOne('t');
  own.beanstalkd.signal('SIGSTOP');
  const deleting = own.call('DELETE', `/v1/reservations/${reservation}`);
  await poll('it is sent', () => own.gateway.pool.snapshot().commandsInFlight > 0);
  // Dead without having gone on before.
  own.beanstalkd.signal('SIGKILL');
  expectProblem(await deleting, 502, 'beanstalkd-connection-lost', { outcome: 'unknown' });
  ended(await own.call('DELETE', `/v1/reservations/${reservation}`), 'unknown');
});

describe('several at once', () => {
  const problem = (status: number, name: string, members: object = {}) => ({
    status,
    type: `/problems/${name}`,
    title: expect.any(String),
    detail: expect.any(String),
    outcome: 'none',
    ...members,
  });
  const invalid = (name: string) =>
    problem(400, 'invalid-request', {
      errors: expect.arrayContaining([{ in: 'body', name, message: expect.any(String) }]),
    });

  test('each alone, in order, with its effect', async () => {
    const jobs = [];
    for (let n = 0; n < 6; n += 1) jobs.push(await held({ priority: 50 }));
    const [a, b, c, d, e, over] = jobs;
    await house.call('DELETE', over?.path ?? '');
    const answer = await house.settle([
      { reservation: a?.reservation, action: 'delete' },
      { reservation: UNKNOWN, action: 'delete' },
      { reservation: b?.reservation, action: 'release', priority: 9, delay: 100 },
      { reservation: over?.reservation, action: 'bury' },
      { reservation: c?.reservation, action: 'bury', priority: 0 },
      { reservation: d?.reservation, action: 'touch' },
      { reservation: over?.reservation, action: 'delete' },
      { reservation: e?.reservation, action: 'release' },
    ]);
    expect(resultsIn(answer)).toEqual([
      { status: 204 },
      problem(404, 'reservation-not-found'),
      { status: 204 },
      problem(410, 'reservation-ended', { reason: 'deleted' }),
      { status: 204 },
      { status: 200, expiresAt: expect.stringMatching(/Z$/) },
      { status: 204 },
      { status: 204 },
    ]);
    expect(await house.raw.stateOf(a?.id ?? '')).toBeUndefined();
    expect(await house.stat(b?.id ?? '')).toMatchObject({ state: 'delayed', pri: '9', delay: '100' });
    expect(await house.stat(c?.id ?? '')).toMatchObject({ state: 'buried', pri: '0' });
    expect(await house.stat(d?.id ?? '')).toMatchObject({ state: 'reserved' });
    expect(await house.stat(e?.id ?? '')).toMatchObject({ state: 'ready', pri: '50' });
  });

  test('those of one reservation in their order', async () => {
    const { id, reservation } = await held();
    const results = resultsIn(
      await house.settle([
        { reservation, action: 'touch' },
        { reservation, action: 'bury' },
        { reservation, action: 'delete' },
        { reservation, action: 'bury' },
        { reservation, action: 'touch' },
      ]),
    );
    const buried = problem(410, 'reservation-ended', { reason: 'buried' });
    expect(results).toEqual([
      { status: 200, expiresAt: expect.any(String) },
      { status: 204 },
      buried,
      { status: 204 },
      buried,
    ]);
    expect(await house.raw.stateOf(id)).toBe('buried');
  });

  test('bad ones fail alone, and change nothing', async () => {
    const { id, reservation } = await held();
    const results = resultsIn(
      await house.settle([
        { reservation, action: 'delete', delay: 1 },
        { reservation, action: 'delete', priority: 1 },
        { reservation, action: 'bury', delay: 1 },
        { reservation, action: 'touch', priority: 1 },
        { reservation, action: 'kick' },
        { reservation },
        { action: 'delete' },
        { reservation: 5, action: 'delete' },
        { reservation: 'a\r\nb', action: 'delete' },
        { reservation, action: 'release', priority: 4_294_967_296 },
        { reservation, action: 'release', ttr: 1 },
        null,
        'delete',
      ]),
    );
    expect(results).toEqual(
      [
        'delay',
        'priority',
        'delay',
        'priority',
        'action',
        'action',
        'reservation',
        'reservation',
        'reservation',
        'priority',
        'ttr',
        '',
        '',
      ].map(invalid),
    );
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', releases: '0', buries: '0' });
  });

  test('a thousand', async () => {
    const tube = house.tube();
    const jobs = Array.from({ length: 1_000 }, () => ({ body: 'x' }));
    resultsIn(await house.batch(tube, jobs));
    const taken = [];
    while (taken.length < 1_000) taken.push(...(await house.reserve(tube, '?count=100')));
    const settle = taken.map(({ reservation }) => ({ reservation, action: 'delete' }));
    const results = resultsIn(await house.settle(settle));
    expect(results).toEqual(Array.from({ length: 1_000 }, () => ({ status: 204 })));
    expect(await house.tubeFigure(tube, 'current-jobs-reserved')).toBe(0);
    expect(await house.tubeFigure(tube, 'current-jobs-ready')).toBe(0);
    expectProblem(await house.settle([...settle, settle[0]]), 400, 'invalid-request', {
      errors: [{ in: 'body', name: 'settle', message: expect.stringContaining('1000') }],
    });
  });

  test.each([
    ['application/json', '{"settle":[]}', 400],
    ['application/json', '{}', 400],
    ['application/json', '[]', 400],
    ['application/json', '{"settle":[],"x":1}', 400],
    ['application/json', '{"settle":', 400],
    ['application/json', '', 400],
    ['application/x-ndjson', '{"reservation":"x","action":"delete"}', 415],
    ['text/plain', '{"settle":[{"reservation":"x","action":"delete"}]}', 415],
  ])('%s %s: %d', async (type, body, status) => {
    const headers = { 'content-type': type };
    const answer = await house.post('/v1/reservations/batch', { headers, body });
    expectProblem(answer, status, status === 400 ? 'invalid-request' : 'unsupported-media-type', {
      outcome: 'none',
    });
  });
});
