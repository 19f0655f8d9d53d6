import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { deleteJob, reserveWithTimeout } from '../../src/client/commands.ts';
import { poll } from '../support/beanstalkd.ts';
import { type FakePeer, fakePair } from '../support/fake-server.ts';

const BEAT = 'list-tube-used\r\n';

/** Whether the end came as a reset, once it has come. */
async function resetOf(peer: FakePeer): Promise<boolean> {
  let reset = false;
  peer.socket.on('error', (error: NodeJS.ErrnoException) => {
    reset = error.code === 'ECONNRESET';
  });
  await poll('the end has come', () => peer.closed);
  return reset;
}

test('an idle connection beats, and goes on beating', async () => {
  const { connection, peer } = await fakePair({ keepaliveDelayMs: 50 });
  for (let beats = 0; beats < 3; beats += 1) {
    await peer.takes(BEAT);
    peer.says('USING default\r\n');
  }
  expect(connection.broken).toBeUndefined();
});

test('it beats so long after the last command was asked for, whatever time that one had', async () => {
  const { connection, peer } = await fakePair({ keepaliveDelayMs: 50, commandTimeoutMs: 60_000 });
  const deleting = connection.execute(deleteJob('1'));
  await peer.takes('delete 1\r\n');
  // So long that it would have beaten, had nothing been under way.
  await sleep(150);
  peer.says('DELETED\r\n');
  await deleting;
  await peer.takes(BEAT);
});

test('one that waits does not: behind the wait a beat would be answered by nobody', async () => {
  const { connection, peer } = await fakePair({ keepaliveDelayMs: 50 });
  const waiting = connection.execute(reserveWithTimeout(['default'], 1), 1_000);
  await peer.takes('reserve-with-timeout 1\r\n');
  await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(peer.received).toBe('');
});

test('a beat without an answer breaks it, with its socket left open to be reset', async () => {
  const { connection, peer } = await fakePair({ keepaliveDelayMs: 50, commandTimeoutMs: 100 });
  await peer.takes(BEAT);
  await poll('it is silent', () => connection.silent);
  expect(connection.broken).toMatchObject({ code: 'TIMEOUT' });
  expect(peer.closed).toBe(false);
  connection.reset();
  expect(connection.silent).toBe(false);
  expect(await resetOf(peer)).toBe(true);
});

test('a word from beanstalkd, too late, is no answer to anybody, and resets it', async () => {
  const { connection, peer } = await fakePair({ commandTimeoutMs: 100 });
  await expect(connection.execute(deleteJob('1'))).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'unknown',
  });
  expect(connection.silent).toBe(true);
  peer.says('DELETED\r\n');
  expect(await resetOf(peer)).toBe(true);
  expect(connection.silent).toBe(false);
  await expect(connection.execute(deleteJob('2'))).rejects.toMatchObject({ outcome: 'none' });
});

test('a wait hung up that beanstalkd does not end falls silent too', async () => {
  const silent: unknown[] = [];
  const { connection, peer } = await fakePair({
    commandTimeoutMs: 100,
    onSilent: (fallen) => silent.push(fallen),
  });
  const waiting = expect(
    connection.execute(reserveWithTimeout(['default'], 9), 10_000),
  ).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await peer.takes('reserve-with-timeout 9\r\n');
  // It does not end its side because the gateway has ended its own.
  peer.socket.allowHalfOpen = true;
  connection.hangUp();
  await waiting;
  await poll('it is silent', () => connection.silent);
  expect(silent).toEqual([connection]);
  connection.reset();
  expect(connection.silent).toBe(false);
});

test('one that broke otherwise is closed at once', async () => {
  const { connection, peer } = await fakePair();
  const asked = expect(connection.execute(deleteJob('1'))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
  await peer.takes('delete 1\r\n');
  peer.says('INSERTED 1\r\n');
  await asked;
  expect(connection.silent).toBe(false);
  await poll('it is closed', () => peer.closed);
});
