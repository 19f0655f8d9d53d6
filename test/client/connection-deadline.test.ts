import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import type { BeanstalkdError } from '../../src/client/errors.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { CountedMemory, connectionTo } from '../support/connection.ts';
import { type FakePeer, fakePair } from '../support/fake-server.ts';

const SENT = { code: 'TIMEOUT', outcome: 'unknown' };
const UNSENT = { code: 'TIMEOUT', outcome: 'none' };
const put = (body: Buffer) => commands.put('default', { priority: 1, delay: 0, ttr: 60, body });

/** Milliseconds until it fails as it must. */
async function failsAfter(command: Promise<unknown>, error: object): Promise<number> {
  const from = performance.now();
  await expect(command).rejects.toMatchObject(error);
  return performance.now() - from;
}

/** Says a byte of a body every so often, until it is told to stop. */
function trickle(peer: FakePeer, everyMs: number): void {
  const timer = setInterval(() => peer.says('x'), everyMs);
  onTestFinished(() => clearInterval(timer));
}

test('silence breaks the connection at the deadline, and everything later fails at once', async () => {
  const broken: BeanstalkdError[] = [];
  const { connection } = await fakePair({
    commandTimeoutMs: 200,
    onBroken: (error) => broken.push(error),
  });
  const took = await failsAfter(connection.execute(commands.stats()), SENT);
  expect(took).toBeGreaterThanOrEqual(199);
  expect(took).toBeLessThan(500);
  expect(broken).toEqual([connection.broken]);
  expect(await failsAfter(connection.execute(commands.stats()), UNSENT)).toBeLessThan(50);
});

test('a late answer is never taken for that of a later command', async () => {
  const { connection, peer } = await fakePair();
  const late = connection.execute(commands.deleteJob('1'), 150);
  const behind = connection.execute(commands.deleteJob('2'), 5_000);
  await peer.takes('delete 1\r\ndelete 2\r\n');
  await Promise.all([
    expect(late).rejects.toMatchObject(SENT),
    expect(behind).rejects.toMatchObject(SENT),
    late.catch(() => peer.says('DELETED\r\n')),
  ]);
  await poll('the connection is closed', () => peer.closed);
});

test('a frozen beanstalkd is found by the deadline', async () => {
  const beanstalkd = await Beanstalkd.start();
  onTestFinished(() => beanstalkd.stop());
  const connection = await connectionTo(beanstalkd.address, { commandTimeoutMs: 200 });
  beanstalkd.signal('SIGSTOP');
  expect(await failsAfter(connection.execute(commands.stats()), SENT)).toBeLessThan(500);
});

test('what could not be sent in time fails alone, and was not carried out', async () => {
  const { connection, peer } = await fakePair();
  const sent = Array.from({ length: 128 }, () => connection.execute(commands.touch('7')));
  expect(await failsAfter(connection.execute(commands.stats(), 150), UNSENT)).toBeLessThan(450);
  expect(connection.broken).toBeUndefined();
  peer.says('TOUCHED\r\n'.repeat(128));
  expect(await Promise.all(sent)).toHaveLength(128);
  await peer.takes('touch 7\r\n'.repeat(128));
  expect(peer.received).toBe('');
});

test('what was not sent before the process stood still fails alone, and is not sent', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 200 });
  const late = failsAfter(connection.execute(commands.stats()), UNSENT);
  const again = performance.now() + 300;
  while (performance.now() < again);
  await late;
  const next = connection.execute(commands.touch('7'));
  await peer.takes('touch 7\r\n');
  peer.says('TOUCHED\r\n');
  expect(await next).toEqual({ name: 'TOUCHED' });
});

test('what could not be sent in time fails also behind what has more time', async () => {
  const { connection } = await fakePair();
  const patient = Array.from({ length: 130 }, () => connection.execute(commands.touch('7'), 2_000));
  for (const each of patient) each.catch(() => {});
  expect(await failsAfter(connection.execute(commands.stats(), 150), UNSENT)).toBeLessThan(1_000);
});

test('a command that is the oldest only after its deadline does not wait for that of the one before', async () => {
  const { connection, peer } = await fakePair();
  const patient = connection.execute(commands.reserve(['default']), 2_500);
  const short = connection.execute(commands.touch('7'), 100);
  await peer.takes('reserve\r\ntouch 7\r\n');
  await sleep(200);
  peer.says('TIMED_OUT\r\n');
  const [took] = await Promise.all([failsAfter(short, SENT), patient]);
  expect(took).toBeLessThan(1_000);
});

test('a wait of more than 25 days is no busy loop', async () => {
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.name);
  process.on('warning', listen);
  onTestFinished(() => {
    process.off('warning', listen);
  });
  const { connection, peer } = await fakePair({ connectTimeoutMs: 200 });
  const wait = connection.execute(commands.reserveWithTimeout(['default'], 2_147_483_647), 2_147_483_648_000);
  await peer.takes('reserve-with-timeout 2147483647\r\n');
  // The timer of the handshake is behind us then.
  await sleep(300);
  peer.says('TIMED_OUT\r\n');
  await wait;
  expect(warnings).toEqual([]);
});

test('a body that trickles in renews its deadline', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 300 });
  const reply = connection.execute(commands.peek('7'));
  await peer.takes('peek 7\r\n');
  peer.says('FOUND 7 10\r\n');
  for (let n = 0; n < 10; n += 1) {
    await sleep(60);
    peer.says('x');
  }
  peer.says('\r\n');
  expect(await reply).toEqual({ name: 'FOUND', id: '7', body: Buffer.alloc(10, 'x') });
});

test('a command behind a body that trickled in has time of its own', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 250 });
  const body = connection.execute(commands.peek('7'));
  const behind = connection.execute(commands.touch('7'));
  await peer.takes('peek 7\r\ntouch 7\r\n');
  peer.says('FOUND 7 6\r\n');
  for (let n = 0; n < 6; n += 1) {
    await sleep(50);
    peer.says('x');
  }
  peer.says('\r\n');
  await body;
  // It is taken for silence only a deadline from here.
  await sleep(50);
  peer.says('TOUCHED\r\n');
  expect(await behind).toEqual({ name: 'TOUCHED' });
});

test('a body that trickles without end is given six deadlines in all', async () => {
  const memory = new CountedMemory();
  const { connection, peer } = await fakePair({ commandTimeoutMs: 150, memory });
  const reply = connection.execute(commands.peek('7'));
  await peer.takes('peek 7\r\n');
  peer.says('FOUND 7 100000\r\n');
  trickle(peer, 30);
  const took = await failsAfter(reply, SENT);
  expect(took).toBeGreaterThan(800);
  expect(took).toBeLessThan(1_200);
  expect(memory.used).toBe(0);
});

test('a body that stalls is given one deadline from its last byte', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 200 });
  const reply = connection.execute(commands.peek('7'));
  await peer.takes('peek 7\r\n');
  peer.says('FOUND 7 100000\r\nhalf');
  expect(await failsAfter(reply, SENT)).toBeLessThan(500);
});

test('whole answers to others renew no deadline', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 300 });
  const others = Array.from({ length: 5 }, () => connection.execute(commands.touch('7')));
  const last = failsAfter(connection.execute(commands.stats()), SENT);
  await peer.takes(`${'touch 7\r\n'.repeat(5)}stats\r\n`);
  for (const _ of others) {
    await sleep(45);
    peer.says('TOUCHED\r\n');
  }
  expect(await last).toBeLessThan(450);
  await Promise.all(others);
});

test('a body that a slow reader takes bit by bit renews its deadline', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 500 });
  // More than the kernel's buffers hold and the slow reader takes: part of it is still here when its time is over.
  const size = 40_000_000;
  const from = performance.now();
  const slow = () => performance.now() - from < 800;
  let read = 0;
  let sinceTick = 0;
  peer.socket.on('data', (chunk: Buffer) => {
    read += chunk.length;
    sinceTick += chunk.length;
    if (slow() && sinceTick >= 300_000) peer.socket.pause();
    if (read === size + `put 1 0 60 ${size}\r\n\r\n`.length) peer.says('INSERTED 7\r\n');
  });
  const timer = setInterval(() => {
    sinceTick = 0;
    peer.socket.resume();
  }, 20);
  onTestFinished(() => clearInterval(timer));
  expect(await connection.execute(put(Buffer.alloc(size)))).toEqual({ name: 'INSERTED', id: '7' });
  expect(slow()).toBe(false);
});

test('a body that nobody takes is given one deadline', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 250 });
  peer.socket.pause();
  const took = await failsAfter(connection.execute(put(Buffer.alloc(24_000_000))), SENT);
  expect(took).toBeGreaterThanOrEqual(249);
  expect(took).toBeLessThan(700);
});
