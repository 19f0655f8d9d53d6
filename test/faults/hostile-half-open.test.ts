import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { House } from '../routes/work.ts';
import { poll } from '../support/beanstalkd.ts';

const HEADERS_MS = 10_000;
const HEAD = `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(1_000)}`;
const WAVE = 250;

/** Both ends of each connection are in this process, and so is what else it has open. */
const descriptors = Number(execFileSync('sh', ['-c', 'ulimit -n']));
const CALLERS = Math.min(5_000, Math.floor((descriptors - 500) / 2));

async function dial(url: string): Promise<Socket> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => {});
  socket.resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test(`${CALLERS} connections on which no head comes, and that never close: others are served, and all are gone in time`, async () => {
  const house = await House.forTest({ timeouts: { headersMs: HEADERS_MS, checkEveryMs: 500 } });
  const open = () =>
    new Promise<number>((resolve) =>
      house.gateway.app.server.getConnections((_error, count) => resolve(count)),
    );

  const hostile: Socket[] = [];
  const drip = setInterval(() => {
    for (const [n, socket] of hostile.entries()) if (n % 2 === 0) socket.write(HEAD.charAt(n % 100));
  }, 1_000);
  onTestFinished(() => clearInterval(drip));
  let isOver = false;
  let puts = 0;
  let slowest = 0;
  const serving = (async () => {
    while (!isOver) {
      const from = performance.now();
      await house.put('good', String(puts));
      puts += 1;
      slowest = Math.max(slowest, performance.now() - from);
    }
  })();

  for (let n = 0; n < CALLERS; n += WAVE) {
    hostile.push(...(await Promise.all(Array.from({ length: WAVE }, () => dial(house.gateway.url)))));
  }
  // The first of them may have gone before the last have come.
  expect(await open()).toBeGreaterThan(CALLERS / 2);
  await poll('all are gone', async () => (await open()) <= 1, 2 * HEADERS_MS);
  isOver = true;
  await serving;
  expect(slowest).toBeLessThan(2_000);
  expect(await house.tubeFigure('good', 'current-jobs-ready')).toBe(puts);
}, 60_000);
