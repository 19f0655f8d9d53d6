import { expect, test } from 'vitest';
import type { Command } from '../../src/client/commands.ts';
import * as commands from '../../src/client/commands.ts';
import type { ReplyName } from '../../src/client/decode.ts';
import type { BeanstalkdError } from '../../src/client/errors.ts';
import { poll } from '../support/beanstalkd.ts';
import { CountedMemory } from '../support/connection.ts';
import { fakePair } from '../support/fake-server.ts';

const put = (body = 'hello') =>
  commands.put('default', { priority: 1, delay: 0, ttr: 60, body: Buffer.from(body) });

const MISFITS: readonly [string, Command<ReplyName>][] = [
  ['BAD_FORMAT', put()],
  ['UNKNOWN_COMMAND', put()],
  ['EXPECTED_CRLF', put()],
  ['NOT_FOUND', put()],
  ['TIMED_OUT', put()],
  ['BAD_FORMAT', commands.reserveJob('7')],
  ['DRAINING', commands.deleteJob('7')],
  ['JOB_TOO_BIG', commands.touch('7')],
  ['DELETED', commands.touch('7')],
  ['DEADLINE_SOON', commands.deleteJob('7')],
  ['INSERTED 1', commands.bury('7', 1)],
  ['NOT_FOUND', commands.stats()],
  ['OK 3\r\nabc', commands.touch('7')],
  ['RESERVED 1 3\r\nabc', commands.deleteJob('7')],
  ['FOUND 1 3\r\nabc', commands.reserveJob('7')],
  ['GARBAGE', put()],
  ['HTTP/1.1 400 Bad Request', put()],
  ['', put()],
  ['BURIED', put()],
  ['KICKED', commands.kick('default', 5)],
  ['KICKED 5', commands.kickJob('7')],
  ['BURIED 5', commands.bury('7', 1)],
];

test.each(MISFITS.map(([answer, command]) => [answer, command.name, command] as const))(
  '%j is no answer to %s: the connection breaks, and what was sent is unknown',
  async (answer, _, command) => {
    const broken: BeanstalkdError[] = [];
    const memory = new CountedMemory();
    const { connection, peer } = await fakePair({ memory, onBroken: (error) => broken.push(error) });
    const first = connection.execute(command);
    const second = connection.execute(commands.deleteJob('9'));
    const body = command.body === undefined ? '' : `${command.body}\r\n`;
    await peer.takes(`${command.line}\r\n${body}delete 9\r\n`);
    peer.says(`${answer}\r\nDELETED\r\n`);
    const error = { code: 'PROTOCOL_ERROR', outcome: 'unknown' };
    await Promise.all([
      expect(first).rejects.toMatchObject(error),
      expect(second).rejects.toMatchObject(error),
    ]);
    expect(broken).toEqual([connection.broken]);
    expect(memory.used).toBe(0);
    await poll('the connection is closed', () => peer.closed);
    await expect(connection.execute(commands.stats())).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      outcome: 'none',
    });
  },
);

test.each(['DELETED\r\n', 'GARBAGE\r\n', 'RESERVED 1 5\r\nhello\r\n', 'OK 2\r\nab\r\n'])(
  '%j that nobody asked for breaks the connection and takes no memory',
  async (reply) => {
    const memory = new CountedMemory();
    const { connection, peer } = await fakePair({ memory });
    peer.says(reply);
    await poll('the connection is closed', () => peer.closed);
    expect(connection.broken).toMatchObject({ code: 'PROTOCOL_ERROR' });
    expect(memory.used).toBe(0);
  },
);

test.each(['RESERVED 1 5\r\nhello\r\n', 'RESERVED 1 5\r\nhe'])(
  'a body behind what broke the connection takes no memory: %j',
  async (reply) => {
    const memory = new CountedMemory();
    const { connection, peer } = await fakePair({ memory });
    const wait = connection.execute(commands.reserveWithTimeout(['t'], 0));
    await peer.takes('watch t\r\nignore default\r\nreserve-with-timeout 0\r\n');
    peer.says(`WATCHING 2\r\nNOT_IGNORED\r\n${reply}`);
    await expect(wait).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
    await poll('the connection is closed', () => peer.closed);
    expect(memory.used).toBe(0);
  },
);

test.each(['INSER', 'INSERTED 7', 'INSERTED 7\r'])('an answer cut to %j and an end: unknown', async (cut) => {
  const { connection, peer } = await fakePair();
  const sent = connection.execute(put());
  await peer.takes('put 1 0 60 5\r\nhello\r\n');
  peer.socket.end(cut);
  await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' });
});

test('a body cut short gives its memory back', async () => {
  const memory = new CountedMemory();
  const { connection, peer } = await fakePair({ memory });
  const taken = connection.execute(commands.reserveJob('7'));
  await peer.takes('reserve-job 7\r\n');
  peer.says('RESERVED 7 100\r\nhalf');
  await poll('the body has begun', () => memory.used === 100);
  peer.socket.resetAndDestroy();
  await expect(taken).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' });
  expect(memory.used).toBe(0);
});

test('a body that is hung up on gives its memory back', async () => {
  const memory = new CountedMemory();
  const { connection, peer } = await fakePair({ memory });
  const taken = connection.execute(commands.reserve(['default']));
  await peer.takes('reserve\r\n');
  peer.says('RESERVED 7 100\r\nhalf');
  await poll('the body has begun', () => memory.used === 100);
  connection.hangUp();
  await expect(taken).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(memory.used).toBe(0);
});

test('what was sent is unknown, what waited for the window is none', async () => {
  const { connection, peer } = await fakePair();
  const all = Array.from({ length: 300 }, () => connection.execute(commands.touch('7')));
  await peer.takes('touch 7\r\n'.repeat(128));
  peer.says('TOUCHED\r\n'.repeat(10));
  await peer.takes('touch 7\r\n'.repeat(10));
  peer.close();
  const outcomes = (await Promise.allSettled(all)).map((settled) =>
    settled.status === 'fulfilled' ? settled.value.name : settled.reason.outcome,
  );
  expect(outcomes).toEqual([
    ...Array<string>(10).fill('TOUCHED'),
    ...Array<string>(128).fill('unknown'),
    ...Array<string>(162).fill('none'),
  ]);
});

test('a command of the very turn in which the connection breaks was not sent', async () => {
  const { connection, peer } = await fakePair();
  const command = connection.execute(commands.stats());
  connection.destroy();
  await expect(command).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'none' });
  await poll('the connection is closed', () => peer.closed);
  expect(peer.received).toBe('');
});

test('every command that fails is told to the observer, sent or not', async () => {
  const told: string[] = [];
  const { connection, peer } = await fakePair({
    onCommand: (name, _, ok) => {
      if (!ok) told.push(name);
    },
  });
  const all = Array.from({ length: 130 }, () => connection.execute(commands.touch('7')));
  await peer.takes('touch 7\r\n'.repeat(128));
  peer.close();
  await Promise.allSettled(all);
  expect(told).toHaveLength(130);
});
