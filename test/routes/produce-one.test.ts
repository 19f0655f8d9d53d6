import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { startGateway } from '../support/gateway.ts';
import { expectProblem, House, idIn, jsonOf } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const MAX = 4_294_967_295;
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, n) => n);

const jobsOf = (tube: string) => `/v1/tubes/${tube}/jobs`;

/** What beanstalkd has been told so far, as far as putting goes. */
const puts = async () => ({
  puts: await house.figure('cmd-put'),
  total: await house.figure('total-jobs'),
  tubes: (await house.raw.list('list-tubes')).sort(),
});

describe('what arrives', () => {
  test('the answer, and the defaults', async () => {
    const tube = house.tube();
    const answer = await house.post(jobsOf(tube), { body: 'hello' });
    const id = idIn(answer);
    expect(jsonOf(answer)).toEqual({ id, tube, state: 'ready' });
    expect(id).toMatch(/^[0-9]+$/);
    expect(answer.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String),
    });
    expect(await house.stat(id)).toMatchObject({ tube, state: 'ready', pri: '1024', delay: '0', ttr: '60' });
    expect(await house.raw.reserve(tube)).toEqual({ id, body: Buffer.from('hello') });
    await house.raw.command(`delete ${id}`);
  });

  test.each([
    { priority: 0, delay: 0, ttr: 1, state: 'ready' },
    { priority: 7, delay: 100, ttr: 5, state: 'delayed' },
    { priority: MAX, delay: MAX, ttr: MAX, state: 'delayed' },
  ])('priority $priority, delay $delay, ttr $ttr', async ({ priority, delay, ttr, state }) => {
    const tube = house.tube();
    const query = `?priority=${priority}&delay=${delay}&ttr=${ttr}`;
    const answer = await house.post(jobsOf(tube) + query, { body: 'x' });
    const id = idIn(answer);
    expect(jsonOf(answer)).toEqual({ id, tube, state });
    expect(await house.stat(id)).toMatchObject({
      state,
      pri: `${priority}`,
      delay: `${delay}`,
      ttr: `${ttr}`,
    });
  });

  test('a delay alone leaves the other defaults', async () => {
    const id = await house.put(house.tube(), 'x', '?delay=9');
    expect(await house.stat(id)).toMatchObject({ state: 'delayed', pri: '1024', delay: '9', ttr: '60' });
  });
});

describe('bodies, byte for byte', () => {
  const bodies: [string, string | Uint8Array][] = [
    ['empty', ''],
    ['one NUL', Uint8Array.of(0)],
    ['CRLF alone', '\r\n'],
    ['a command', 'x\r\ndelete 1\r\nput 0 0 60 1\r\ny\r\n'],
    ['every byte', ALL_BYTES],
    ['a BOM', '\uFEFFx'],
    ['a broken UTF-8 sequence', Uint8Array.of(0xf0, 0x9f, 0x98)],
    ['65535 bytes, as many as beanstalkd takes', Buffer.alloc(65_535, ALL_BYTES)],
  ];
  test.each(bodies)('%s', async (_name, body) => {
    const id = await house.put(house.tube(), body);
    expect(await house.body(id)).toEqual(Buffer.from(body));
  });

  test.each([
    'application/json',
    'application/json; charset=utf-16',
    'application/x-ndjson',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; charset=latin1',
    'application/octet-stream',
    'no media type at all',
    ';;;',
    '',
  ])('Content-Type: %j', async (type) => {
    const body = Buffer.from([...Buffer.from('{"a":'), 0xff, 0]);
    const answer = await house.post(jobsOf(house.tube()), { headers: { 'content-type': type }, body });
    expect(await house.body(idIn(answer))).toEqual(body);
  });

  test.each(['application/json', 'text/plain'])('an empty body whose Content-Type is %s', async (type) => {
    const answer = await house.post(jobsOf(house.tube()), { headers: { 'content-type': type } });
    expect(await house.body(idIn(answer))).toEqual(Buffer.alloc(0));
  });

  test('neither a length nor a type: an empty job', async () => {
    const tube = house.tube();
    const before = await house.figure('cmd-put');
    house.caller(jobsOf(tube));
    await poll('it is put', async () => (await house.figure('cmd-put')) === before + 1);
    expect((await house.raw.reserve(tube))?.body).toEqual(Buffer.alloc(0));
  });

  test('in chunks', async () => {
    const headers = { 'transfer-encoding': 'chunked' };
    const id = idIn(await house.post(jobsOf(house.tube()), { headers, body: ALL_BYTES }));
    expect(await house.body(id)).toEqual(Buffer.from(ALL_BYTES));
  });

  test('a body that ends before its length puts nothing', async () => {
    const before = await puts();
    const socket = house.caller(jobsOf(house.tube()), 'Content-Length: 10\r\n');
    socket.end('short');
    socket.resume();
    await once(socket, 'close');
    // A good put behind it, so that beanstalkd has had its say.
    await house.put('default');
    expect(await puts()).toEqual({ ...before, puts: before.puts + 1, total: before.total + 1 });
  });
});

describe('names of tubes', () => {
  const everyCharacter = 'AZaz09-+/;.$_()';
  test.each([
    ['a%2Fb', 'a/b'],
    ['a%2fb', 'a/b'],
    ['a+b', 'a+b'],
    ['a%2Bb', 'a+b'],
    ['a;b', 'a;b'],
    ['...', '...'],
    ['%2E%2E%2E', '...'],
    ['batch', 'batch'],
    ['a-', 'a-'],
    [encodeURIComponent(everyCharacter), everyCharacter],
    ['x'.repeat(200), 'x'.repeat(200)],
    ['%2F'.repeat(200), '/'.repeat(200)],
  ])('%s', async (path, tube) => {
    const answer = await house.post(jobsOf(path), { body: tube });
    const id = idIn(answer);
    expect(jsonOf(answer)).toMatchObject({ tube });
    expect(await house.stat(id)).toMatchObject({ tube });
  });

  test.each([
    '-a',
    '%2Da',
    'a%20b',
    'a%0D%0Adelete%201',
    'a%0A',
    'a%00',
    '%C3%A4',
    'a%252Fb',
    '%2E',
    '%2E%2E',
    '.',
    '..',
    'a*',
    'a%25',
    'x'.repeat(201),
    '%2F'.repeat(201),
    'x'.repeat(5_000),
  ])('not %s', async (path) => {
    const before = await puts();
    const answer = await house.post(jobsOf(path), { body: 'x' });
    expectProblem(answer, 400, 'invalid-request', {
      outcome: 'none',
      errors: [{ in: 'path', name: 'tube', message: expect.any(String) }],
    });
    expect(await puts()).toEqual(before);
  });

  test.each(['a%2', '%', '%FF', 'a%zz'])('not well encoded: %s', async (path) => {
    const before = await puts();
    const answer = await house.post(jobsOf(path), { body: 'x' });
    expectProblem(answer, 400, 'invalid-request', { outcome: 'none' });
    expect(await puts()).toEqual(before);
  });

  test('none at all', async () => {
    const before = await puts();
    const answer = await house.post('/v1/tubes//jobs', { body: 'x' });
    expect([400, 404]).toContain(answer.status);
    expect(await puts()).toEqual(before);
  });
});

describe('refused, with nothing put', () => {
  const refused: [string, string[]][] = [
    ['priority=-1', ['priority']],
    ['priority=4294967296', ['priority']],
    ['priority=18446744073709551616', ['priority']],
    ['priority=1e3', ['priority']],
    ['priority=0x10', ['priority']],
    ['priority=', ['priority']],
    ['priority', ['priority']],
    ['priority=%205', ['priority']],
    ['priority=+5', ['priority']],
    ['priority=1&priority=2', ['priority']],
    ['priority[]=1', ['priority[]']],
    ['delay=1.5', ['delay']],
    ['delay=4294967296', ['delay']],
    ['delay=0%0D%0Aquit', ['delay']],
    ['delay=NaN', ['delay']],
    ['ttr=0', ['ttr']],
    ['ttr=4294967296', ['ttr']],
    ['Priority=1', ['Priority']],
    ['pri=1', ['pri']],
    ['timeout=1', ['timeout']],
    ['__proto__=1', ['__proto__']],
    ['ttr=0&delay=-1&x=1', ['delay', 'ttr', 'x']],
  ];
  test.each(refused)('%s', async (query, names) => {
    const before = await puts();
    const answer = await house.post(`${jobsOf(house.tube())}?${query}`, { body: 'x' });
    expectProblem(answer, 400, 'invalid-request', { outcome: 'none' });
    const { errors } = jsonOf(answer) as { errors: { in: string; name: string }[] };
    expect(errors.map(({ name }) => name).sort()).toEqual(names);
    expect(new Set(errors.map((error) => error.in))).toEqual(new Set(['query']));
    expect(await puts()).toEqual(before);
  });

  test.each(['gzip', 'identity', 'br'])('Content-Encoding: %s', async (encoding) => {
    const before = await puts();
    const headers = { 'content-encoding': encoding };
    const answer = await house.post(jobsOf(house.tube()), { headers, body: 'x' });
    expectProblem(answer, 415, 'unsupported-media-type', { outcome: 'none' });
    expect(await puts()).toEqual(before);
  });

  test.each([
    ['a length', {}],
    ['chunks', { 'transfer-encoding': 'chunked' }],
  ])('one byte too many, with %s', async (_name, headers) => {
    const before = await puts();
    const answer = await house.post(jobsOf(house.tube()), { headers, body: Buffer.alloc(65_536) });
    expectProblem(answer, 413, 'job-too-big', { outcome: 'none', maxJobSize: 65_535 });
    expect(await puts()).toEqual(before);
  });

  test('far too much is answered before it is sent', async () => {
    const before = await puts();
    const { hostname, port } = new URL(house.gateway.url);
    const asked = request({
      hostname,
      port,
      method: 'POST',
      path: jobsOf(house.tube()),
      headers: { 'content-length': 1_000_000_000 },
    });
    asked.on('error', () => {});
    asked.flushHeaders();
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(413);
    asked.destroy();
    expect(await puts()).toEqual(before);
  });

  test('Expect: 100-continue is answered 413 in place of 100', async () => {
    const { hostname, port } = new URL(house.gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST ${jobsOf(house.tube())} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n`,
    );
    const [chunk] = await once(socket, 'data');
    expect(String(chunk)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('Expect: 100-continue is answered 100 when the body may come', async () => {
    const tube = house.tube();
    const { hostname, port } = new URL(house.gateway.url);
    const asked = request({
      hostname,
      port,
      method: 'POST',
      path: jobsOf(tube),
      headers: { expect: '100-continue', 'content-length': 2 },
    });
    asked.flushHeaders();
    await once(asked, 'continue');
    asked.end('ok');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(201);
    response.resume();
    expect((await house.raw.reserve(tube))?.body.toString()).toBe('ok');
  });
});

describe('beanstalkd cannot', () => {
  test('drain mode: 503, nothing was done', async () => {
    const own = await House.forTest();
    await own.put('t');
    own.beanstalkd.signal('SIGUSR1');
    await poll('it drains', async () => (await own.raw.stats('stats'))?.['draining'] === 'true');
    const answer = await own.post(jobsOf('t'), { body: 'x' });
    expectProblem(answer, 503, 'beanstalkd-draining', { outcome: 'none' });
    expect(answer.headers['retry-after']).toMatch(/^[1-9][0-9]*$/);
    expect(await own.figure('total-jobs')).toBe(1);
  });

  test('gone: 503, nothing was done; back again: 201', async () => {
    const own = await House.forTest();
    await own.put('t');
    await own.beanstalkd.kill();
    await poll('the gateway knows', async () => {
      const answer = await own.post(jobsOf('t'), { body: 'x' });
      if (answer.status === 502) return false;
      expectProblem(answer, 503, 'beanstalkd-unreachable', { outcome: 'none' });
      expect(answer.headers['retry-after']).toMatch(/^[1-9][0-9]*$/);
      return true;
    });
    await own.beanstalkd.run();
    await poll('it puts again', async () => (await own.post(jobsOf('t'), { body: 'x' })).status === 201);
    const raw = await own.beanstalkd.raw();
    expect((await raw.stats('stats'))?.['total-jobs']).toBe('1');
  });

  test('stopped: 504 by the deadline of a command, and what was sent may have been carried out', async () => {
    const own = await House.forTest({ pool: { commandTimeoutMs: 300 } });
    await own.put('t');
    own.beanstalkd.signal('SIGSTOP');
    const answer = await own.post(jobsOf('t'), { body: 'late' });
    expectProblem(answer, 504, 'beanstalkd-timeout', { outcome: 'unknown' });
    own.beanstalkd.signal('SIGCONT');
    await poll('it was put after all', async () => (await own.figure('total-jobs')) === 2);
  });

  test('BURIED: 507 with the id of the job that exists, alone and in a batch', async () => {
    const port = await buries();
    const gateway = await startGateway({ address: { host: '127.0.0.1', port } });
    onTestFinished(() => gateway.stop());
    const alone = await fetch(`${gateway.url}/v1/tubes/t/jobs`, { method: 'POST', body: 'x' });
    const problem = {
      type: '/problems/beanstalkd-out-of-memory',
      status: 507,
      id: '7',
      outcome: 'unknown',
    };
    expect(alone.status).toBe(507);
    expect(await alone.json()).toMatchObject(problem);
    const batch = await fetch(`${gateway.url}/v1/tubes/t/jobs/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"jobs":[{"body":"x"}]}',
    });
    expect(batch.status).toBe(200);
    expect(await batch.json()).toMatchObject({ results: [problem] });
  });
});

/** What no real beanstalkd can be made to do: it buries every job that is put, as number 7. */
async function buries(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('latin1').split('\r\n')) {
        if (line === 'list-tube-used') socket.write('USING default\r\n');
        else if (line.startsWith('use ')) socket.write(`USING ${line.slice(4)}\r\n`);
        else if (line.startsWith('put ')) socket.write('BURIED 7\r\n');
        else if (line === 'stats') socket.write('OK 4\r\n---\n\r\n');
      }
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
