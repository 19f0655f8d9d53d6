import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Address } from '../../src/client/address.ts';
import * as commands from '../../src/client/commands.ts';
import { Connection } from '../../src/client/connection.ts';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import { connectionOptions } from '../support/connection.ts';
import { FakeServer, fakePair } from '../support/fake-server.ts';

/** Milliseconds until the dial fails as it must. */
async function failsAfter(address: Address, connectTimeoutMs: number): Promise<number> {
  const from = performance.now();
  await expect(Connection.dial(address, connectionOptions({ connectTimeoutMs }))).rejects.toMatchObject({
    name: 'BeanstalkdError',
    code: 'UNREACHABLE',
    outcome: 'none',
  });
  return performance.now() - from;
}

test('a port that refuses is unreachable at once', async () => {
  expect(await failsAfter({ host: '127.0.0.1', port: await freePort() }, 5_000)).toBeLessThan(500);
});

test('a socket that is not there is unreachable at once', async () => {
  expect(await failsAfter({ path: '/nonexistent/beanstalkd.sock' }, 5_000)).toBeLessThan(500);
});

test('a name that nobody knows is unreachable', async () => {
  expect(await failsAfter({ host: 'beanstalkd.invalid', port: 11_300 }, 500)).toBeLessThan(800);
});

test.runIf(process.platform === 'linux')(
  'an address that does not even connect is unreachable in time',
  async () => {
    const script = `require('node:net').createServer()
    .listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port); })`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const [printed] = await once(child.stdout, 'data');
    const address = { host: '127.0.0.1', port: Number(printed) };
    child.kill('SIGSTOP');
    // It accepts no more: once its backlog is full, the kernel answers nobody.
    const fillers = Array.from({ length: 8 }, () => connect(address).on('error', () => {}));
    onTestFinished(() => {
      for (const filler of fillers) filler.destroy();
    });
    await poll('the backlog is full', () => fillers.filter(({ connecting }) => !connecting).length >= 2);
    expect(await failsAfter(address, 200)).toBeLessThan(500);
  },
);

test('who accepts and says nothing is unreachable in time, and hung up on', async () => {
  const server = await FakeServer.start();
  const took = failsAfter(server.address, 200);
  const peer = await server.peer();
  expect(await took).toBeLessThan(500);
  await poll('the connection is closed', () => peer.closed);
});

test('a frozen beanstalkd, whose kernel accepts, is unreachable in time', async () => {
  const beanstalkd = await Beanstalkd.start();
  onTestFinished(() => beanstalkd.stop());
  beanstalkd.signal('SIGSTOP');
  expect(await failsAfter(beanstalkd.address, 200)).toBeLessThan(500);
});

test.each([
  ['HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['BAD_FORMAT\r\n'],
  ['OUT_OF_MEMORY\r\n'],
  ['+OK ready\r\n'],
])('who answers the handshake %j is unreachable at once', async (answer) => {
  const server = await FakeServer.start();
  const took = failsAfter(server.address, 5_000);
  const peer = await server.peer();
  await peer.takes('list-tube-used\r\n');
  peer.says(answer);
  expect(await took).toBeLessThan(1_000);
  await poll('the connection is closed', () => peer.closed);
});

test('who accepts and closes is unreachable at once', async () => {
  const server = await FakeServer.start();
  const took = failsAfter(server.address, 5_000);
  (await server.peer()).close();
  expect(await took).toBeLessThan(1_000);
});

test('a deadline of the dial is none of the commands behind it', async () => {
  const { connection, peer } = await fakePair({ connectTimeoutMs: 250 });
  const wait = connection.execute(commands.reserve(['default']));
  await peer.takes('reserve\r\n');
  await new Promise((resolve) => setTimeout(resolve, 350));
  peer.says('TIMED_OUT\r\n');
  expect(await wait).toEqual({ name: 'TIMED_OUT' });
});

test.runIf(process.platform === 'linux')('TCP keepalive is armed with its delay', async () => {
  const { connection, peer } = await fakePair({ keepaliveDelayMs: 7_000 });
  expect(connection.broken).toBeUndefined();
  const remote = `:${(peer.socket.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = (await readFile('/proc/net/tcp', 'latin1'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  // Columns: sl, local, remote, state, queues, timer:when, …; timer 02 is keepalive, in hundredths of a second.
  const [timer, when] =
    lines.find((fields) => fields[2]?.endsWith(remote) && fields[3] === '01')?.[5]?.split(':') ?? [];
  expect(timer).toBe('02');
  expect(Number.parseInt(when ?? '', 16)).toBeGreaterThan(500);
  expect(Number.parseInt(when ?? '', 16)).toBeLessThanOrEqual(705);
});
