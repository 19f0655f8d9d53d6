import { describe, expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type Asked, type Calls, type House, test } from './calls.ts';
import { at } from './contract.ts';
import { openKeyedForTest } from './keyed-house.ts';

const JOBS = '/v1/tubes/t/jobs';
const BATCH = `${JOBS}/batch`;

const put = (key: string, body = 'x'): Asked => ({ headers: { 'idempotency-key': key }, body });

const batch = (key: string, ...jobs: readonly object[]): Asked => ({
  headers: { 'idempotency-key': key, 'content-type': 'application/json' },
  body: JSON.stringify({ jobs }),
});

const idOf = async (calls: Calls, asked: Asked, path = JOBS) =>
  at(await calls.ok(201, 'POST', path, asked), 'id');

const jobsIn = async ({ raw }: House, tube = 't') => (await raw.stats(`stats-tube ${tube}`))?.['total-jobs'];

describe('a put', () => {
  test.concurrent('is carried out once for its key, and answered the same each time', async ({ open }) => {
    const house = await open();
    const { calls } = house;
    const first = await calls.call('POST', `${JOBS}?delay=9`, put('a'));
    const again = await calls.call('POST', `${JOBS}?delay=9&ttr=60`, put('a'));
    expect(first.status).toBe(201);
    expect([again.status, again.text, again.headers.location]).toEqual([
      201,
      first.text,
      first.headers.location,
    ]);
    expect(await jobsIn(house)).toBe('1');
    expect(await idOf(calls, put('b'))).not.toBe(at(first.json(), 'id'));
    expect(await idOf(calls, { body: 'x' })).not.toBe(await idOf(calls, { body: 'x' }));
  });

  test.concurrent('that comes many times at once is one job', async ({ open }) => {
    const house = await open();
    const ids = await Promise.all(Array.from({ length: 50 }, () => idOf(house.calls, put('at-once'))));
    expect(new Set(ids).size).toBe(1);
    expect(await jobsIn(house)).toBe('1');
  });

  test.concurrent('under a key of another body or other parameters is refused, and nothing is put', async ({
    open,
  }) => {
    const house = await open();
    const { calls } = house;
    await calls.ok(201, 'POST', JOBS, put('a'));
    for (const [path, body] of [
      [JOBS, 'y'],
      [JOBS, ''],
      [`${JOBS}?priority=1`, 'x'],
      [`${JOBS}?delay=1`, 'x'],
      [`${JOBS}?ttr=61`, 'x'],
    ] as const) {
      const { problem } = await calls.problem('idempotency-key-reused', 'POST', path, put('a', body));
      expect(at(problem, 'outcome')).toBe('none');
    }
    expect(await jobsIn(house)).toBe('1');
  });

  test.concurrent('into another tube, or as a batch, is another call', async ({ open }) => {
    const house = await open();
    const { calls } = house;
    const first = await idOf(calls, put('a'));
    expect(await idOf(calls, put('a'), '/v1/tubes/u/jobs')).not.toBe(first);
    const results = await calls.ok(200, 'POST', BATCH, batch('a', { body: 'x' }));
    expect(at(results, 'results', 0, 'status')).toBe(201);
    expect([await jobsIn(house), await jobsIn(house, 'u')]).toEqual(['2', '1']);
  });

  test.concurrent('whose key is in double quotes has the same key', async ({ open }) => {
    const { calls } = await open();
    expect(await idOf(calls, put('"a"'))).toBe(await idOf(calls, put('a')));
    expect(await idOf(calls, put('"a\\\\b"'))).toBe(await idOf(calls, put('a\\b')));
    expect(await idOf(calls, put('"a \\", b"'))).toBe(await idOf(calls, put('"a \\", b"')));
    expect(await idOf(calls, put('x'.repeat(255)))).toBe(await idOf(calls, put(`"${'x'.repeat(255)}"`)));
  });

  test.concurrent('with a key that is none is refused', async ({ open }) => {
    const house = await open();
    for (const key of [
      '',
      'a, b',
      '"a", "a"',
      '"a',
      '"',
      '""',
      'a b',
      'é',
      '"\\a"',
      '"a";p',
      'x'.repeat(256),
    ]) {
      for (const [path, asked] of [
        [JOBS, put(key)],
        [BATCH, batch(key, { body: 'x' })],
      ] as const) {
        const { problem } = await house.calls.problem('invalid-request', 'POST', path, asked);
        expect(at(problem, 'errors', 0)).toMatchObject({ in: 'header', name: 'Idempotency-Key' });
      }
    }
    expect(await jobsIn(house)).toBeUndefined();
  });

  test.concurrent('that was refused may be tried again with its key', async ({ open }) => {
    const { calls, beanstalkd } = await open();
    await beanstalkd.kill();
    await poll('the loss is known', async () => (await calls.call('GET', '/readyz')).status === 503);
    await calls.problem('beanstalkd-unreachable', 'POST', JOBS, put('a'));
    await calls.problem('beanstalkd-unreachable', 'POST', BATCH, batch('a', { body: 'x' }));
    await beanstalkd.run();
    await poll('ready again', async () => (await calls.call('GET', '/readyz')).status === 200, 8_000);
    await calls.ok(201, 'POST', JOBS, put('a', 'another'));
    await calls.ok(200, 'POST', BATCH, batch('a', { body: 'another' }));
  });

  test.concurrent('of which nobody knows is not carried out again', async ({ open }) => {
    const house = await open({ pool: { commandTimeoutMs: 500 } });
    const { calls, beanstalkd } = house;
    beanstalkd.signal('SIGSTOP');
    const { problem } = await calls.problem('beanstalkd-timeout', 'POST', JOBS, put('a'));
    expect(at(problem, 'outcome')).toBe('unknown');
    beanstalkd.signal('SIGCONT');
    await poll('ready again', async () => (await calls.call('GET', '/readyz')).status === 200, 8_000);
    const again = await calls.problem('beanstalkd-timeout', 'POST', JOBS, put('a'));
    expect(at(again.problem, 'outcome')).toBe('unknown');
    expect(at(again.problem, 'requestId')).not.toBe(at(problem, 'requestId'));
    // beanstalkd may have read the first before its connection was reset, or not.
    expect(Number((await jobsIn(house)) ?? 0)).toBeLessThanOrEqual(1);
  });

  test.concurrent('is forgotten after its time', async ({ open }) => {
    const { calls } = await open({ limits: { idempotencyTtl: 1 } });
    const begun = performance.now();
    const first = await idOf(calls, put('a'));
    await poll('it is put again', async () => (await idOf(calls, put('a'))) !== first);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1_000);
  });

  test.concurrent('of many is forgotten when others need its room', async ({ open }) => {
    const { calls } = await open({ limits: { idempotencyMax: 2 } });
    const [a, b, c] = [await idOf(calls, put('a')), await idOf(calls, put('b')), await idOf(calls, put('c'))];
    expect(await idOf(calls, put('c'))).toBe(c);
    expect(await idOf(calls, put('b'))).toBe(b);
    expect(await idOf(calls, put('a'))).not.toBe(a);
    expect((await calls.call('GET', '/metrics')).text).toContain(
      'beanstalkd_gateway_idempotency_results{of="puts"} 2\n',
    );
  });

  test('belongs to the key of its caller', async () => {
    const PRODUCER = { rights: ['produce'], tubes: ['*'] } as const;
    const { calls, file } = await openKeyedForTest({ one: PRODUCER, other: PRODUCER });
    const putAs = (name: string) =>
      idOf(calls, { body: 'x', headers: { 'idempotency-key': 'a', ...file.headers(name) } });
    expect(await putAs('one')).toBe(await putAs('one'));
    expect(await putAs('other')).not.toBe(await putAs('one'));
  });
});

describe('a batch', () => {
  test.concurrent('keeps little of what was wrong with it', async ({ open, expect }) => {
    const { calls } = await open();
    const wrong = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`${n}${'x'.repeat(50_000)}`, 0]));
    const answer = await calls.call('POST', BATCH, batch('a', { body: 'x' }, { body: 'y', ...wrong }));
    expect(at(answer.json(), 'results', 0, 'status')).toBe(201);
    expect(at(answer.json(), 'results', 1, 'status')).toBe(400);
    expect(answer.text.length).toBeLessThan(10_000);
    expect((await calls.call('GET', '/metrics')).text).toContain('idempotency_results{of="batches"} 22\n');
  });

  test.concurrent('is carried out once for its key, refused items and all', async ({ open }) => {
    const house = await open();
    const { calls } = house;
    const asked = batch('a', { body: 'x' }, { body: '!', encoding: 'base64' }, { body: 'y' });
    const first = await calls.call('POST', BATCH, asked);
    const again = await calls.call('POST', BATCH, asked);
    expect(at(first.json(), 'results', 1, 'status')).toBe(400);
    expect([again.status, again.text]).toEqual([200, first.text]);
    expect(await jobsIn(house)).toBe('2');
    await calls.problem('idempotency-key-reused', 'POST', BATCH, batch('a', { body: 'x' }));
    expect((await calls.call('GET', '/metrics')).text).toContain(
      'beanstalkd_gateway_idempotency_results{of="batches"} 4\n',
    );
  });

  test.concurrent('of which nothing was put is not remembered', async ({ open }) => {
    const house = await open();
    const { calls } = house;
    const wrong = await calls.ok(200, 'POST', BATCH, batch('a', { body: 'x', ttr: 0 }));
    expect(at(wrong, 'results', 0, 'status')).toBe(400);
    const right = await calls.ok(200, 'POST', BATCH, batch('a', { body: 'x', ttr: 1 }));
    expect(at(right, 'results', 0, 'status')).toBe(201);
    expect(await jobsIn(house)).toBe('1');
  });
});
