import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type Answer, expectProblem, House, jsonOf, resultsIn } from './work.ts';

const house = await House.open({ limits: { batchMax: 500 } });
afterAll(() => house.close());

const JSON_TYPE = 'application/json';
const NDJSON_TYPE = 'application/x-ndjson';

const send = (tube: string, type: string, body: string | Uint8Array): Promise<Answer> =>
  house.post(`/v1/tubes/${tube}/jobs/batch`, { headers: { 'content-type': type }, body });

const ndjson = (tube: string, ...lines: string[]): Promise<Answer> =>
  send(tube, NDJSON_TYPE, lines.join('\n'));

/** Everything ready in a tube, in the order in which workers get it. */
async function drained(tube: string): Promise<{ id: string; body: string }[]> {
  const raw = await house.beanstalkd.raw();
  const jobs: { id: string; body: string }[] = [];
  for (;;) {
    const job = await raw.reserve(tube);
    if (job === undefined) break;
    jobs.push({ id: job.id, body: job.body.toString('latin1') });
  }
  raw.close();
  return jobs;
}

const problem = (status: number, name: string, members: object = {}) => ({
  status,
  type: `/problems/${name}`,
  title: expect.any(String),
  detail: expect.any(String),
  outcome: 'none',
  ...members,
});
/** One thing may be wrong in several ways. */
const invalid = (name: string) =>
  problem(400, 'invalid-request', {
    errors: expect.arrayContaining([{ in: 'body', name, message: expect.any(String) }]),
  });
const put = (state = 'ready') => ({ status: 201, id: expect.stringMatching(/^[0-9]+$/), state });

test('an item with a million members is refused by their number', async () => {
  const members = Array.from({ length: 1_000_000 }, (_, n) => `"${n}a":0`).join();
  const answer = await send('members', JSON_TYPE, `{"jobs":[{"body":"x"},{"body":"y",${members}}]}`);
  const [first, second] = resultsIn(answer);
  expect(first).toMatchObject({ status: 201 });
  expect(second).toEqual(
    problem(400, 'invalid-request', {
      errors: [{ in: 'body', name: '', message: 'has more than 100 members' }],
    }),
  );
});

describe('JSON', () => {
  test('members arrive, and the defaults', async () => {
    const tube = house.tube();
    const answer = await house.batch(tube, [
      { body: 'plain' },
      { body: 'ümlaut €', encoding: 'utf-8', priority: 7, delay: 9, ttr: 3 },
      { body: 'AP8NCg==', encoding: 'base64', priority: 4_294_967_295, ttr: 4_294_967_295 },
      { body: '' },
    ]);
    const results = resultsIn(answer);
    expect(results).toEqual([put(), put('delayed'), put(), put()]);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const stats = [];
    const bodies = [];
    for (const { id = '' } of results) {
      const { pri, delay, ttr, state, tube: of } = await house.stat(id);
      stats.push([of, state, pri, delay, ttr]);
      bodies.push(await house.body(id));
    }
    expect(stats).toEqual([
      [tube, 'ready', '1024', '0', '60'],
      [tube, 'delayed', '7', '9', '3'],
      [tube, 'ready', '4294967295', '0', '4294967295'],
      [tube, 'ready', '1024', '0', '60'],
    ]);
    expect(bodies).toEqual([
      Buffer.from('plain'),
      Buffer.from('ümlaut €'),
      Buffer.of(0, 255, 13, 10),
      Buffer.alloc(0),
    ]);
  });

  test('with a charset; the tube percent-encoded', async () => {
    const answer = await send(
      'batch%2Fx',
      'Application/JSON ; charset=utf-8',
      JSON.stringify({ jobs: [{ body: 'x' }] }),
    );
    const [result] = resultsIn(answer);
    expect(await house.stat(result?.id ?? '')).toMatchObject({ tube: 'batch/x' });
  });

  test('escapes, NUL, CRLF and pairs of surrogates', async () => {
    const tube = house.tube();
    const text = '{"jobs":[{"body":"\\u0000\\r\\n\\ud83d\\ude00\\ufeff😀"}]}';
    const [result] = resultsIn(await send(tube, JSON_TYPE, text));
    expect(await house.body(result?.id ?? '')).toEqual(Buffer.from('\0\r\n😀\uFEFF😀'));
  });

  test('good and bad ones: each alone, in order, and only the good ones are put', async () => {
    const tube = house.tube();
    const before = await house.figure('cmd-put');
    const results = resultsIn(
      await house.batch(tube, [
        { body: 'a' },
        { body: 'x', priority: 4_294_967_296 },
        { body: 'x', ttr: 0 },
        { body: 'b' },
        { body: 'x', delay: -1 },
        { body: 'x', delay: 1.5 },
        { body: 'x', priority: '7' },
        { body: 'x', pri: 7 },
        { delay: 0 },
        { body: 5 },
        { body: null },
        { body: 'x', encoding: 'hex' },
        { body: 'x', encoding: null },
        { body: 'not base64!', encoding: 'base64' },
        { body: 'AA', encoding: 'base64' },
        { body: 'lone \ud800 high' },
        { body: '\udc00' },
        { body: 'c', delay: 5 },
        'text',
        7,
        null,
        [],
        { body: 'x'.repeat(65_536) },
        { body: '€'.repeat(21_846) },
        { body: 'd'.repeat(65_535) },
        { body: 'e' },
      ]),
    );
    const tooBig = problem(413, 'job-too-big', { maxJobSize: 65_535 });
    expect(results).toEqual([
      put(),
      invalid('priority'),
      invalid('ttr'),
      put(),
      invalid('delay'),
      invalid('delay'),
      invalid('priority'),
      invalid('pri'),
      invalid('body'),
      invalid('body'),
      invalid('body'),
      invalid('encoding'),
      invalid('encoding'),
      invalid('body'),
      invalid('body'),
      invalid('body'),
      invalid('body'),
      put('delayed'),
      invalid(''),
      invalid(''),
      invalid(''),
      invalid(''),
      tooBig,
      tooBig,
      put(),
      put(),
    ]);
    expect(await house.figure('cmd-put')).toBe(before + 5);
    const ids = results.flatMap(({ id }) => id ?? []);
    const bodies = [];
    for (const id of ids) bodies.push((await house.body(id))?.toString());
    expect(bodies).toEqual(['a', 'b', 'c', 'd'.repeat(65_535), 'e']);
  });

  test('only bad ones: 200, each with its own problem', async () => {
    const tube = house.tube();
    const results = resultsIn(await house.batch(tube, [{}, { body: '\ud800' }]));
    expect(results).toEqual([invalid('body'), invalid('body')]);
    expect(await house.raw.list('list-tubes')).not.toContain(tube);
  });

  test('`__proto__` and `constructor` are members like any other', async () => {
    const tube = house.tube();
    const text = '{"jobs":[{"body":"x","__proto__":{"ttr":1}},{"body":"x","constructor":1}]}';
    expect(resultsIn(await send(tube, JSON_TYPE, text))).toEqual([
      invalid('__proto__'),
      invalid('constructor'),
    ]);
  });
});

describe('order', () => {
  test('workers get the jobs in the order of the list, and the results are in it', async () => {
    const tube = house.tube();
    const jobs = Array.from({ length: 500 }, (_, n) => ({ body: `${n}` }));
    const results = resultsIn(await house.batch(tube, jobs));
    expect(await drained(tube)).toEqual(jobs.map(({ body }, n) => ({ id: results[n]?.id, body })));
  });

  test('also when large and small ones alternate', async () => {
    const tube = house.tube();
    const jobs = Array.from({ length: 60 }, (_, n) => ({ body: `${n} `.padEnd(n % 2 === 0 ? 60_000 : 4) }));
    resultsIn(await house.batch(tube, jobs));
    expect((await drained(tube)).map(({ body }) => body)).toEqual(jobs.map(({ body }) => body));
  });

  test('priorities go before it', async () => {
    const tube = house.tube();
    await house.batch(tube, [
      { body: 'last', priority: 2 },
      { body: 'first', priority: 1 },
    ]);
    expect((await drained(tube)).map(({ body }) => body)).toEqual(['first', 'last']);
  });
});

describe('NDJSON', () => {
  test('one a line, whatever ends the line, empty lines skipped', async () => {
    const tube = house.tube();
    const answer = await send(
      tube,
      `${NDJSON_TYPE}; charset=utf-8`,
      '{"body":"a"}\r\n\n  {"body":"AP8=","encoding":"base64"}  \n\r\n{"body":"c","delay":5}',
    );
    const results = resultsIn(answer);
    expect(results).toEqual([put(), put(), put('delayed')]);
    expect((await drained(tube)).map(({ body }) => body)).toEqual(['a', '\0\xff']);
  });

  test('a bad line fails alone', async () => {
    const tube = house.tube();
    const before = await house.figure('cmd-put');
    const results = resultsIn(
      await ndjson(
        tube,
        '{"body":"a"}',
        '{"body":',
        '7',
        '{"body":"x","nope":1}',
        '{"body":"\\udfff"}',
        '{"body":"x"} {"body":"y"}',
        '[{"body":"x"}]',
        '{"body":"b"}',
      ),
    );
    const bad = [invalid(''), invalid(''), invalid('nope'), invalid('body'), invalid(''), invalid('')];
    expect(results).toEqual([put(), ...bad, put()]);
    expect(await house.figure('cmd-put')).toBe(before + 2);
    expect((await drained(tube)).map(({ body }) => body)).toEqual(['a', 'b']);
  });

  test('a line that is no UTF-8 fails alone, and is not mended', async () => {
    const tube = house.tube();
    const lines = Buffer.from('{"body":"a"}\n{"body":"\xff"}\n{"body":"b"}\n', 'latin1');
    expect(resultsIn(await send(tube, NDJSON_TYPE, lines))).toEqual([put(), invalid(''), put()]);
    expect((await drained(tube)).map(({ body }) => body)).toEqual(['a', 'b']);
  });
});

describe('how many', () => {
  const items = (length: number) => Array.from({ length }, () => ({ body: 'x' }));

  test.each([JSON_TYPE, NDJSON_TYPE])('as many as allowed, not one more: %s', async (type) => {
    const tube = house.tube();
    const text = (length: number) =>
      type === JSON_TYPE
        ? JSON.stringify({ jobs: items(length) })
        : items(length)
            .map((item) => JSON.stringify(item))
            .join('\n');
    expect(resultsIn(await send(tube, type, text(500)))).toHaveLength(500);
    expectProblem(await send(tube, type, text(501)), 400, 'invalid-request', {
      outcome: 'none',
      errors: [{ in: 'body', name: 'jobs', message: expect.stringContaining('500') }],
    });
    expect(await house.tubeFigure(tube, 'current-jobs-ready')).toBe(500);
  });
});

describe('refused as a whole, with nothing put', () => {
  const bodies: [string, string, string | Uint8Array][] = [
    ['no job', JSON_TYPE, '{"jobs":[]}'],
    ['no list', JSON_TYPE, '{"jobs":{"body":"x"}}'],
    ['no jobs', JSON_TYPE, '{}'],
    ['another member', JSON_TYPE, '{"jobs":[{"body":"x"}],"tube":"x"}'],
    ['a bare list', JSON_TYPE, '[{"body":"x"}]'],
    ['null', JSON_TYPE, 'null'],
    ['no JSON', JSON_TYPE, '{"jobs":[{"body":"x"}]'],
    ['two documents', JSON_TYPE, '{"jobs":[{"body":"x"}]}{}'],
    ['no UTF-8', JSON_TYPE, Buffer.from('{"jobs":[{"body":"\xff"}]}', 'latin1')],
    ['nothing', JSON_TYPE, ''],
    ['no line', NDJSON_TYPE, '\n\r\n \n'],
    ['nothing', NDJSON_TYPE, ''],
  ];
  test.each(bodies)('%s (%s)', async (_name, type, body) => {
    const tube = house.tube();
    const before = await house.figure('cmd-put');
    expectProblem(await send(tube, type, body), 400, 'invalid-request', { outcome: 'none' });
    expect(await house.figure('cmd-put')).toBe(before);
    expect(await house.raw.list('list-tubes')).not.toContain(tube);
  });

  test.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/octet-stream' }],
    [{ 'content-type': 'application/jsonx' }],
    [{ 'content-type': ';;' }],
    [{}],
    [{ 'content-type': JSON_TYPE, 'content-encoding': 'gzip' }],
  ])('%j', async (headers) => {
    const tube = house.tube();
    const body = '{"jobs":[{"body":"x"}]}';
    const answer = await house.post(`/v1/tubes/${tube}/jobs/batch`, { headers, body });
    expectProblem(answer, 415, 'unsupported-media-type', { outcome: 'none' });
    expect(await house.raw.list('list-tubes')).not.toContain(tube);
  });

  test.each(['-x', 'a%20b', '..%0D%0A'])('the tube %s', async (tube) => {
    const answer = await send(tube, JSON_TYPE, '{"jobs":[{"body":"x"}]}');
    expectProblem(answer, 400, 'invalid-request', { outcome: 'none' });
  });

  test('a parameter of the query, of which there is none', async () => {
    const tube = house.tube();
    const headers = { 'content-type': JSON_TYPE };
    const body = '{"jobs":[{"body":"x"}]}';
    const answer = await house.post(`/v1/tubes/${tube}/jobs/batch?priority=1`, { headers, body });
    expectProblem(answer, 400, 'invalid-request', {
      errors: [{ in: 'query', name: 'priority', message: expect.any(String) }],
    });
    expect(await house.raw.list('list-tubes')).not.toContain(tube);
  });
});

describe('beanstalkd cannot', () => {
  const mixed = [{ body: 'x' }, { body: 'x', ttr: 0 }, { body: 'y' }];

  test('gone: the problem itself, even with bad ones among them', async () => {
    const own = await House.forTest();
    await own.put('t');
    await own.beanstalkd.kill();
    await poll('the gateway knows', async () => (await own.post('/v1/tubes/t/jobs')).status === 503);
    const answer = await own.batch('t', mixed);
    expectProblem(answer, 503, 'beanstalkd-unreachable', { outcome: 'none' });
    expect(answer.headers['retry-after']).toMatch(/^[1-9][0-9]*$/);
    expect(jsonOf(answer)).not.toHaveProperty('results');
  });

  test('drain mode: the problem itself', async () => {
    const own = await House.forTest();
    own.beanstalkd.signal('SIGUSR1');
    await poll('it drains', async () => (await own.raw.stats('stats'))?.['draining'] === 'true');
    expectProblem(await own.batch('t', mixed), 503, 'beanstalkd-draining', { outcome: 'none' });
    expect(await own.figure('total-jobs')).toBe(0);
  });

  test('stopped: each with its own outcome', async () => {
    const own = await House.forTest({ pool: { commandTimeoutMs: 300 } });
    await own.put('t');
    own.beanstalkd.signal('SIGSTOP');
    const late = problem(504, 'beanstalkd-timeout', { outcome: 'unknown' });
    expect(resultsIn(await own.batch('t', mixed))).toEqual([late, invalid('ttr'), late]);
    own.beanstalkd.signal('SIGCONT');
    await poll('both were put after all', async () => (await own.figure('total-jobs')) === 3);
  });
});
