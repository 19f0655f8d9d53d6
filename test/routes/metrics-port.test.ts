import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { freePort } from '../support/beanstalkd.ts';
import { startProcess } from '../support/processes.ts';
import { type House, RawSocket, test } from './calls.ts';
import { at } from './contract.ts';
import { type KeyedHouse, openKeyedForTest } from './keyed-house.ts';

interface Apart {
  readonly house: KeyedHouse;
  readonly port: number;
}

async function openApart(): Promise<Apart> {
  const port = await freePort();
  const house = await openKeyedForTest(
    { it: { rights: [...RIGHTS], tubes: ['*'] } },
    { app: { metricsPort: { host: '127.0.0.1', port } } },
  );
  return { house, port };
}

const read = (port: number, path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${port}${path}`, init);

test('the figures are there, without a key, of all calls of the API', async () => {
  const { house, port } = await openApart();
  const headers = house.file.headers('it');
  for (let n = 0; n < 3; n += 1)
    await house.calls.ok(201, 'POST', '/v1/tubes/m/jobs', { headers, body: 'x' });
  const answer = await read(port, '/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(answer.headers.get('x-request-id')).toMatch(/^\S+$/);
  const text = await answer.text();
  const put = 'method="POST",route="/v1/tubes/:tube/jobs",status="201"';
  expect(text).toContain(`beanstalkd_gateway_http_request_duration_seconds_count{${put}} 3\n`);
  expect(text).toContain('beanstalkd_tube_current_jobs_ready{tube="m"} 3\n');
  expect(text).toContain('\nbeanstalkd_up 1\n');
});

test('beside the API they are no longer, with or without a key', async () => {
  const { house } = await openApart();
  for (const headers of [{}, house.file.headers('it')]) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      expect((await house.calls.call(method, '/metrics', { headers })).status).toBe(404);
    }
    await house.calls.problem('route-not-found', 'GET', '/metrics', { headers });
  }
  expect(at(house.gateway.app.swagger(), 'paths', '/metrics')).toBeUndefined();
});

describe('there is nothing else on that port', () => {
  test('each other path or method is a 404 problem', async () => {
    const { house, port } = await openApart();
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/v1/tubes'],
      ['GET', '/livez'],
      ['GET', '/docs'],
      ['GET', '/metrics/'],
      ['GET', '//metrics'],
      ['POST', '/metrics'],
      ['DELETE', '/v1/jobs/1'],
      ['POST', '/v1/tubes/t/jobs'],
    ] as const) {
      const answer = await read(port, path, { method, ...(method === 'POST' ? { body: 'x' } : {}) });
      const text = await answer.text();
      expect(answer.status, `${method} ${path}`).toBe(404);
      expect(answer.headers.get('content-type'), path).toBe('application/problem+json; charset=utf-8');
      const problem: unknown = JSON.parse(text);
      expect(problem).toMatchObject({ type: '/problems/route-not-found', status: 404 });
      expect(at(problem, 'requestId')).toBe(answer.headers.get('x-request-id'));
    }
    expect(await house.raw.list('list-tubes')).toEqual(['default']);
  });

  test.each(['/%zz', '/%', '//%ff', '/metrics?x=1'])('%s is a problem as well', async (path) => {
    const { port } = await openApart();
    const answer = await read(port, path);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await answer.json()).toMatchObject({ type: '/problems/invalid-request', status: 400 });
  });

  test('what is ambiguous is refused as beside the API', async () => {
    const { port } = await openApart();
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    const caller = new RawSocket(socket);
    caller.write('GET /metrics HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n');
    expect((await caller.answer()).status).toBe(400);
  });
});

test('it closes with the app, also while somebody holds a connection', async ({ open }) => {
  const port = await freePort();
  const house: House = await open({ app: { metricsPort: { host: '127.0.0.1', port } } });
  await (await read(port, '/metrics')).text();
  await house.gateway.stop();
  await expect(read(port, '/metrics')).rejects.toThrow();
  // And can be taken again at once.
  await open({ app: { metricsPort: { host: '127.0.0.1', port } } });
  expect((await read(port, '/metrics')).status).toBe(200);
});

test('it closes also while somebody is connected who has sent nothing', async ({ open }) => {
  const port = await freePort();
  const house: House = await open({ app: { metricsPort: { host: '127.0.0.1', port } } });
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  // Behind the connection, so that the server has it.
  await (await read(port, '/metrics')).text();
  const closed = once(socket, 'close');
  await house.gateway.stop();
  await closed;
});

test('a port in use ends the start with one line that names it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const gateway = startProcess([], { METRICS_PORT: String(port), BEANSTALKD_URL: 'unix:/nowhere' });
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stderr).toMatch(/^beanstalkd-gateway: METRICS_PORT: [^\n]*EADDRINUSE[^\n]*\n$/);
});
