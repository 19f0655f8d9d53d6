import { METHODS } from 'node:http';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type House, openHouse, test } from './calls.ts';
import { at, expectProblem } from './contract.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const TOKEN = '0b8f8e1e-5a0c-4b0e-9d0a-3f1f6f0f6a51';
const fill = (path: string) =>
  path
    .replace('{tube}', 't')
    .replace('{id}', '7')
    .replace('{reservation}', TOKEN)
    .replace('{name}', 'overloaded');

test('405 with Allow for every other method on every path', async () => {
  const { calls } = house;
  const pages = new Map(['/openapi.json', '/openapi.yaml', '/docs'].map((path) => [path, ['GET']]));
  for (const path of calls.contract.paths) pages.set(path, [...calls.contract.methodsOf(path)]);
  expect(pages.size).toBeGreaterThan(20);
  for (const [path, methods] of pages) {
    const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    // CONNECT has a test of its own.
    const others = METHODS.filter((method) => !allowed.includes(method) && method !== 'CONNECT');
    await Promise.all(
      others.map(async (method) => {
        const answer = await calls.call(method, fill(path));
        expect(answer.status, `${method} ${path}`).toBe(405);
        expect(answer.headers.allow?.split(', ').sort()).toEqual([...allowed].sort());
        if (method !== 'HEAD') expect(at(answer.json(), 'type')).toBe('/problems/method-not-allowed');
      }),
    );
  }
});

test('405 before a body is read', async () => {
  const socket = await house.calls.socket();
  socket.write('PUT /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n');
  expect((await socket.answer()).status).toBe(405);
});

describe('404 route-not-found', () => {
  test.for([
    ['GET', '/nope'],
    ['GET', '/v1'],
    ['GET', '/v1/nope'],
    ['POST', '/v1/tubes/a/b/jobs'],
    ['GET', '/V1/tubes'],
    ['GET', '/v1/tubes/t/'],
    ['GET', '/livez/'],
    ['DELETE', '/v2/jobs/1'],
    ['GET', '/problems/nope'],
    ['GET', '/problems/constructor'],
    ['GET', '/problems/__proto__'],
    ['GET', '/docs/static/nope.js'],
    ['GET', '/docs/static/..%2f..%2fpackage.json'],
    ['GET', '/docs/static/%2e%2e/package.json'],
    ['GET', '//'],
    ['GET', '/nope?x=1'],
    ['PATCH', '/nope'],
  ] as const)('%s %s', async ([method, path]) => {
    await house.calls.problem('route-not-found', method, path);
  });

  test.for([
    [{ 'content-type': 'application/json' }, '{"a":1}'],
    [{ 'content-type': 'application/octet-stream' }, 'x'],
    [{}, 'x'],
    [{ 'content-type': ';;' }, 'x'],
    [{ 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 'x'],
    [{ 'transfer-encoding': 'chunked' }, 'x'],
  ] as const)('POST with a body: %j', async ([headers, body]) => {
    await house.calls.problem('route-not-found', 'POST', '/v1/nope', { headers, body });
    await house.calls.problem('route-not-found', 'POST', '/nope', { headers, body });
  });
});

test('an absolute URL is the same call', async () => {
  const { calls } = house;
  const socket = await calls.socket();
  socket.write(
    `POST ${`http://127.0.0.1:${calls.port}`}/v1/tubes/none/kick?bound=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
  );
  const answer = await socket.answer();
  expect(answer.status).toBe(404);
  expect(answer.headers['cache-control']).toBe('no-store');
  expectProblem(answer, true);
});

test('a percent-encoded path is the same call', async () => {
  const socket = await house.calls.socket();
  socket.write('POST /%761/tubes/none/kick?bound=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = await socket.answer();
  expect(answer.status).toBe(404);
  expect(answer.headers['cache-control']).toBe('no-store');
  expectProblem(answer, true);
});

test('X-Request-Id is taken over when well-formed, and made otherwise', async () => {
  const { calls } = house;
  const answerTo = (id: string, path = '/v1/tubes/none') =>
    calls.call('GET', path, { headers: { 'x-request-id': id } });
  for (const id of ['a', 'Order-42_x.y~z', 'x'.repeat(128), '0b8f8e1e-5a0c-4b0e-9d0a-3f1f6f0f6a51']) {
    const answer = await answerTo(id);
    expect(answer.headers['x-request-id']).toBe(id);
    expect(at(answer.json(), 'requestId')).toBe(id);
    for (const path of [
      '/v1/server',
      '/livez',
      '/docs',
      '/nope',
      '/v1/tubes/%zz',
      '/metrics',
      '/openapi.yaml',
    ]) {
      expect((await answerTo(id, path)).headers['x-request-id'], path).toBe(id);
    }
  }
  const made = new Set<unknown>();
  for (const id of ['', 'x'.repeat(129), 'a b', 'a"b', '{}', 'a,b', '\u00e9', 'a/b', '<script>']) {
    const answer = await answerTo(id);
    expect(answer.headers['x-request-id']).toMatch(/^[\w-]{12}-[0-9]+$/);
    made.add(answer.headers['x-request-id']);
  }
  expect(made.size).toBe(9);
});

describe('what is no HTTP', () => {
  test.for([
    ['a line', 'put 0 0 60 1\r\nx\r\n', 'invalid-request'],
    ['a method that is none', 'BREW /v1/tubes HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid-request'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n', 'invalid-request'],
    ['a version that is none', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 'invalid-request'],
    ['a space in the path', 'GET /v1/tubes/a b HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid-request'],
    ['NUL in the path', 'GET /v1/tubes/a\0 HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid-request'],
    [
      'two lengths',
      'POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'invalid-request',
    ],
    [
      'a length and chunks',
      'POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'invalid-request',
    ],
    [
      'a negative length',
      'POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'invalid-request',
    ],
    ['no Host', 'GET /v1/tubes HTTP/1.1\r\n\r\n', 'invalid-request'],
    ['huge headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(90_000)}\r\n\r\n`, 'headers-too-large'],
    ['a huge path', `GET /v1/tubes/${'x'.repeat(90_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 'headers-too-large'],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'method-not-allowed'],
  ] as const)('%s', async ([, bytes, name]) => {
    const { calls, raw } = house;
    const before = (await raw.stats('stats'))?.['total-jobs'];
    const socket = await calls.socket();
    socket.write(bytes);
    const answer = await socket.answer();
    const problem = answer.json();
    expect(at(problem, 'type')).toBe(`/problems/${name}`);
    expectProblem(answer, at(problem, 'outcome') !== undefined);
    expect((await raw.stats('stats'))?.['total-jobs']).toBe(before);
    // The gateway goes on.
    await calls.ok(200, 'GET', '/livez');
  });

  test('a malformed chunk: nothing is put', async () => {
    const { calls, raw } = house;
    const socket = await calls.socket();
    socket.write('POST /v1/tubes/chunks/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write('3\r\nabc\r\nnonsense\r\n');
    expectProblem(await socket.answer(), true);
    await socket.untilClosed();
    expect(await raw.list('list-tubes')).not.toContain('chunks');
  });

  test('HTTP/1.0 without Host is fine', async () => {
    const socket = await house.calls.socket();
    socket.write('GET /livez HTTP/1.0\r\n\r\n');
    expect((await socket.answer()).status).toBe(200);
  });
});

test('a body where none is taken is refused, with a GET too', async () => {
  for (const path of ['/livez', '/v1/tubes'])
    await house.calls.problem('invalid-request', 'GET', path, { body: '{}' });
});

test('a malformed path closes too where a large body may come', async () => {
  const socket = await house.calls.socket();
  socket.write('POST /v1/tubes/%zz/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n');
  expect((await socket.answer()).headers).toMatchObject({ connection: 'close' });
  await socket.untilClosed();
});

describe('413', () => {
  test('a declared 1 GB is refused before it comes, with what the server takes', async () => {
    const { calls } = house;
    const socket = await calls.socket();
    socket.write('POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n');
    const answer = await socket.answer();
    expectProblem(answer, true);
    expect(answer.json()).toMatchObject({
      type: '/problems/job-too-big',
      maxJobSize: 65_535,
      outcome: 'none',
    });
    await socket.untilClosed();
  });

  test('one that sends all the same is cut off, with its answer', async () => {
    const { calls } = house;
    const socket = await calls.socket();
    socket.write('POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n');
    const timer = setInterval(() => socket.write(Buffer.alloc(65_536)), 2);
    try {
      expect((await socket.answer()).status).toBe(413);
      await socket.untilClosed();
    } finally {
      clearInterval(timer);
    }
  });

  test('declared and chunked, at the limit and one beyond', async () => {
    const { calls, raw } = house;
    const before = Number((await raw.stats('stats'))?.['total-jobs']);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const put = (bytes: number) => ({ headers: { ...headers }, body: Buffer.alloc(bytes, 'x') }) as const;
      await calls.ok(201, 'POST', '/v1/tubes/limit/jobs', put(65_535));
      const { problem } = await calls.problem('job-too-big', 'POST', '/v1/tubes/limit/jobs', put(65_536));
      expect(problem).toMatchObject({ maxJobSize: 65_535, outcome: 'none' });
    }
    expect(Number((await raw.stats('stats'))?.['total-jobs'])).toBe(before + 2);
  });

  test('the smaller of both limits', async ({ open }) => {
    const small = await open({ args: ['-z', '1000'] });
    const put = { body: Buffer.alloc(1_001) };
    const { problem } = await small.calls.problem('job-too-big', 'POST', '/v1/tubes/t/jobs', put);
    expect(at(problem, 'maxJobSize')).toBe(1_000);
    const mine = await open({ limits: { bodyMaxBytes: 10 } });
    const big = { body: Buffer.alloc(11) };
    const refused = await mine.calls.problem('job-too-big', 'POST', '/v1/tubes/t/jobs', big);
    expect(at(refused.problem, 'maxJobSize')).toBe(10);
    await mine.calls.ok(201, 'POST', '/v1/tubes/t/jobs', { body: Buffer.alloc(10) });
  });

  test('a batch of more bytes than its items can have', async () => {
    const json = { 'content-type': 'application/json' };
    for (const path of ['/v1/tubes/t/jobs/batch', '/v1/reservations/batch']) {
      const socket = await house.calls.socket();
      const headers = `Content-Type: ${json['content-type']}\r\nContent-Length: 1000000000000`;
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`);
      const answer = await socket.answer();
      expectProblem(answer, true);
      expect(answer.json()).toMatchObject({ type: '/problems/request-too-big', outcome: 'none' });
      expect(at(answer.json(), 'maxBytes')).toEqual(expect.any(Number));
    }
  });
});

describe('415', () => {
  const BATCHES = ['/v1/tubes/t/jobs/batch', '/v1/reservations/batch'];

  test('a body with a Content-Encoding', async () => {
    for (const encoding of ['gzip', 'identity', 'br, gzip']) {
      const headers = { 'content-encoding': encoding, 'content-type': 'application/json' };
      for (const path of ['/v1/tubes/t/jobs', ...BATCHES]) {
        await house.calls.problem('unsupported-media-type', 'POST', path, { headers, body: '{}' });
      }
    }
  });

  test('a batch of another type', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/jsonx', ';;', 'json', '']) {
      for (const path of BATCHES) {
        const headers = { 'content-type': type };
        await house.calls.problem('unsupported-media-type', 'POST', path, { headers, body: '{}' });
      }
    }
    await house.calls.problem('unsupported-media-type', 'POST', BATCHES[1] ?? '', {
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{}',
    });
  });

  test('a type with parameters, in any case, is the same', async () => {
    const body = JSON.stringify({ jobs: [{ body: 'x' }] });
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      await house.calls.ok(200, 'POST', '/v1/tubes/types/jobs/batch', {
        headers: { 'content-type': type },
        body,
      });
    }
  });
});

describe('malformed JSON', () => {
  test.for([
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{}',
    '{"jobs":{}}',
    '{"jobs":[]}',
    '{"jobs":[{"body":"x"}],"more":1}',
    '{"jobs":[{"body":"x"}]} x',
    "{'jobs':[]}",
    '{"jobs":[{"body":"x"},]}',
    '{"__proto__":{"jobs":[]}}',
    '\uFEFF',
  ])('%j', async (body) => {
    const headers = { 'content-type': 'application/json' };
    const asked = { headers, body };
    for (const path of ['/v1/tubes/json/jobs/batch', '/v1/reservations/batch']) {
      const { problem } = await house.calls.problem('invalid-request', 'POST', path, asked);
      expect(at(problem, 'errors', 0, 'in')).toBe('body');
      expect(at(problem, 'outcome')).toBe('none');
    }
    expect(await house.raw.list('list-tubes')).not.toContain('json');
  });

  test('bytes that are no UTF-8', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = Buffer.concat([Buffer.from('{"jobs":[{"body":"'), Buffer.from([0xff]), Buffer.from('"}]}')]);
    await house.calls.problem('invalid-request', 'POST', '/v1/tubes/json/jobs/batch', { headers, body });
    expect(await house.raw.list('list-tubes')).not.toContain('json');
  });

  test('of NDJSON, the line alone', async () => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const body = '{"body":"a"}\n{nonsense\n{"body":"b"}\n';
    const answer = await house.calls.ok(200, 'POST', '/v1/tubes/lines/jobs/batch', { headers, body });
    expect(at(answer, 'results')).toMatchObject([
      { status: 201 },
      { status: 400, type: '/problems/invalid-request', outcome: 'none' },
      { status: 201 },
    ]);
    expect((await house.raw.stats('stats-tube lines'))?.['total-jobs']).toBe('2');
  });
});

describe('406, before a job is taken', () => {
  test.for(['text/html', 'image/png', 'application/json;q=0', '*/*;q=0', 'nonsense', 'text/*'])(
    '%s',
    async (accept) => {
      const { calls, raw } = house;
      const id = await raw.put('accept', 'x');
      const headers = { accept };
      for (const [method, path] of [
        ['POST', '/v1/tubes/accept/reservations'],
        ['POST', '/v1/reservations?tube=accept'],
        ['POST', `/v1/jobs/${id}/reservation`],
        ['GET', `/v1/jobs/${id}`],
        ['GET', '/v1/tubes/accept/peek?state=ready'],
      ] as const) {
        await calls.problem('not-acceptable', method, path, { headers });
      }
      expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
    },
  );
});
