import { expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { LOOPBACK } from '../support/place.ts';
import { Laboratory, saying } from './laboratory.ts';

const TIMES = 60;

const post = (path: string, headers = '') => `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

/** What a caller has said when it resets the connection. */
const STATES: readonly (readonly [name: string, bytes: string])[] = [
  ['nothing', ''],
  ['half a head', 'GET /livez HT'],
  ['a call', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['many calls', 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100)],
  ['half a body', `${post('/v1/tubes/t/jobs', 'Content-Length: 10\r\n')}12345`],
  ['half a chunk', `${post('/v1/tubes/t/jobs', 'Transfer-Encoding: chunked\r\n')}a\r\n12345`],
  ['too much', `${post('/v1/tubes/t/jobs', 'Content-Length: 1073741824\r\n')}12345`],
  ['that it waits to be asked', post('/v1/tubes/t/jobs', 'Content-Length: 10\r\nExpect: 100-continue\r\n')],
  ['a wait', post('/v1/tubes/empty/reservations?timeout=60')],
  [
    'waits, and nonsense behind',
    `${post('/v1/tubes/empty/reservations?timeout=60').repeat(2)}nonsense\r\n\r\n`,
  ],
  ['an upgrade', 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['nonsense', 'nonsense\r\n\r\n'],
];

test('callers that reset the connection, in whatever state: the gateway goes on, and keeps nothing of them', async () => {
  const laboratory = await Laboratory.open();
  const { gateway } = laboratory;
  const port = Number(new URL(gateway.url).port);
  await laboratory.put('good');
  const descriptors = await openDescriptors(laboratory);
  for (const [name, bytes] of STATES) {
    for (let n = 0; n < TIMES; n += 1) {
      const socket = await LOOPBACK.dial(port);
      socket.on('error', () => {});
      socket.write(bytes);
      // At once, before the gateway has read it, and some time afterwards.
      if (n % 3 === 0) socket.resetAndDestroy();
      else setTimeout(() => socket.resetAndDestroy(), n % 3 === 1 ? 0 : n / 4);
    }
    expect(saying(await laboratory.put('good')), name).toEqual({ status: 201 });
  }
  await poll(
    'their descriptors are free',
    async () => (await openDescriptors(laboratory)) <= descriptors + 2,
  );
  for (const figure of ['waiters', 'body_bytes', 'reservations']) await laboratory.untilFigure(figure, 0);
  expect(gateway.stderr).toBe('');
  gateway.signal('SIGTERM');
  expect(await gateway.exit).toEqual({ code: 0, signal: null });
});

async function openDescriptors(laboratory: Laboratory): Promise<number> {
  const { bytes } = await laboratory.call('GET', '/metrics');
  return Number(/^process_open_fds (\d+)$/m.exec(bytes.toString())?.[1]);
}
