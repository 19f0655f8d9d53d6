import { expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import type { Connection } from '../../src/client/connection.ts';
import { poll } from '../support/beanstalkd.ts';
import { type FakePeer, fakePair } from '../support/fake-server.ts';

const job = { priority: 1, delay: 0, ttr: 60, body: Buffer.from('hello') };

async function goesOn(connection: Connection, peer: FakePeer): Promise<void> {
  const touch = connection.execute(commands.touch('7'));
  await peer.takes('touch 7\r\n');
  peer.says('TOUCHED\r\n');
  expect(await touch).toEqual({ name: 'TOUCHED' });
  expect(connection.broken).toBeUndefined();
}

test.each([
  ['OUT_OF_MEMORY', 'none'],
  ['INTERNAL_ERROR', 'unknown'],
  ['DRAINING', 'none'],
  ['JOB_TOO_BIG', 'none'],
])('%s to a put refuses the put alone: %s', async (code, outcome) => {
  const { connection, peer } = await fakePair();
  const put = connection.execute(commands.put('default', job));
  const behind = connection.execute(commands.deleteJob('5'));
  await peer.takes('put 1 0 60 5\r\nhello\r\ndelete 5\r\n');
  peer.says(`${code}\r\nDELETED\r\n`);
  await expect(put).rejects.toMatchObject({ code, outcome });
  expect(await behind).toEqual({ name: 'DELETED' });
  await goesOn(connection, peer);
});

test.each([
  ['OUT_OF_MEMORY', 'release 7 1 5\r\n', commands.release('7', 1, 5)],
  ['INTERNAL_ERROR', 'bury 7 1\r\n', commands.bury('7', 1)],
  ['INTERNAL_ERROR', 'delete 7\r\n', commands.deleteJob('7')],
  ['OUT_OF_MEMORY', 'stats\r\n', commands.stats()],
] as const)(
  '%s to %j refuses that command alone, and what became of it is unknown',
  async (code, line, command) => {
    const { connection, peer } = await fakePair();
    const refused = connection.execute(command);
    await peer.takes(line);
    peer.says(`${code}\r\n`);
    await expect(refused).rejects.toMatchObject({ code, outcome: 'unknown' });
    await goesOn(connection, peer);
  },
);

test.each(['INTERNAL_ERROR', 'OUT_OF_MEMORY', 'BAD_FORMAT', 'UNKNOWN_COMMAND', 'NOT_FOUND', 'USING another'])(
  '%s to the use ahead of a put breaks the connection: the put would land in another tube',
  async (refusal) => {
    const { connection, peer } = await fakePair();
    const put = connection.execute(commands.put('t', job));
    await peer.takes('use t\r\nput 1 0 60 5\r\nhello\r\n');
    peer.says(`${refusal}\r\nINSERTED 5\r\n`);
    await expect(put).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', outcome: 'unknown' });
    await poll('the connection is closed', () => peer.closed);
    await expect(connection.execute(commands.put('t', job))).rejects.toMatchObject({ outcome: 'none' });
  },
);

test.each([
  ['watch', 'INTERNAL_ERROR\r\nWATCHING 1\r\n'],
  ['watch', 'OUT_OF_MEMORY\r\nWATCHING 1\r\n'],
  ['watch', 'BAD_FORMAT\r\nWATCHING 1\r\n'],
  ['ignore', 'WATCHING 2\r\nNOT_IGNORED\r\n'],
  ['ignore', 'WATCHING 2\r\nINTERNAL_ERROR\r\n'],
])('a refused %s breaks the connection: %j', async (_, replies) => {
  const { connection, peer } = await fakePair();
  const wait = connection.execute(commands.reserveWithTimeout(['t'], 0));
  await peer.takes('watch t\r\nignore default\r\nreserve-with-timeout 0\r\n');
  peer.says(`${replies}TIMED_OUT\r\n`);
  await expect(wait).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', outcome: 'unknown' });
  await poll('the connection is closed', () => peer.closed);
});

test.each([
  ['use', 'INTERNAL_ERROR', commands.use('t')],
  ['use', 'OUT_OF_MEMORY', commands.use('t')],
  ['watch', 'OUT_OF_MEMORY', commands.watch('t')],
  ['ignore', 'INTERNAL_ERROR', commands.ignore('t')],
] as const)('a %s of the caller that is refused with %s breaks the connection', async (_, code, command) => {
  const { connection, peer } = await fakePair();
  const refused = connection.execute(command);
  await peer.takes(`${command.line}\r\n`);
  peer.says(`${code}\r\n`);
  await expect(refused).rejects.toMatchObject({ outcome: 'unknown' });
  await poll('the connection is closed', () => peer.closed);
});
