import { expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import { fakePair } from '../support/fake-server.ts';

const job = { priority: 1, delay: 2, ttr: 3, body: Buffer.from('hello') };

test('use, line, body and trailer, to the byte', async () => {
  const { connection, peer } = await fakePair();
  const put = connection.execute(commands.put('t', job));
  const again = connection.execute(commands.put('t', { ...job, body: Buffer.alloc(0) }));
  await peer.takes('use t\r\nput 1 2 3 5\r\nhello\r\nput 1 2 3 0\r\n\r\n');
  peer.says('USING t\r\nINSERTED 7\r\nBURIED 8\r\n');
  expect(await put).toEqual({ name: 'INSERTED', id: '7' });
  expect(await again).toEqual({ name: 'BURIED', id: '8' });
});

test('watch first, ignore then, the wait behind them', async () => {
  const { connection, peer } = await fakePair();
  const wait = connection.execute(commands.reserveWithTimeout(['x', 'y'], 3));
  await peer.takes('watch x\r\nwatch y\r\nignore default\r\nreserve-with-timeout 3\r\n');
  peer.says('WATCHING 2\r\nWATCHING 3\r\nWATCHING 2\r\nRESERVED 18446744073709551615 2\r\n\r\n\r\n');
  expect(await wait).toEqual({ name: 'RESERVED', id: '18446744073709551615', body: Buffer.from('\r\n') });
});

test('commands of one turn arrive together', async () => {
  const { connection, peer } = await fakePair();
  const before = peer.reads;
  const all = Array.from({ length: 100 }, () => connection.execute(commands.put('default', job)));
  await peer.takes('put 1 2 3 5\r\nhello\r\n'.repeat(100));
  expect(peer.reads - before).toBe(1);
  peer.says(Array.from({ length: 100 }, (_, n) => `INSERTED ${n}\r\n`).join(''));
  await Promise.all(all);
});

test('answers cut anywhere, and many in one piece, go to their commands', async () => {
  const { connection, peer } = await fakePair();
  const ids = Array.from({ length: 50 }, (_, n) => `${n}`);
  const all = ids.map((id) => connection.execute(commands.peek(id)));
  await peer.takes(ids.map((id) => `peek ${id}\r\n`).join(''));
  const answers = ids.map((id) => `FOUND ${id} 9\r\nbody\r\n ${id.padStart(2)}\r\n`).join('');
  for (let at = 0; at < answers.length; at += 37) peer.says(answers.slice(at, at + 37));
  expect((await Promise.all(all)).map((reply) => reply.name === 'FOUND' && reply.id)).toEqual(ids);
});

/** What is flushed behind the I/O of this turn has been flushed then. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('few wait for company while many are under way, but no longer than a moment', async () => {
  const { connection, peer } = await fakePair();
  const ping = 'list-tube-used\r\n';
  const many = Array.from({ length: 20 }, () => connection.execute(commands.listTubeUsed()));
  await peer.takes(ping.repeat(20));
  const few = Array.from({ length: 4 }, () => connection.execute(commands.listTubeUsed()));
  await turn();
  expect(connection).toMatchObject({ underWay: 20, queued: 4 });
  await peer.takes(ping.repeat(4));
  peer.says('USING default\r\n'.repeat(24));
  await Promise.all([...many, ...few]);
});

test('those that are enough leave at once', async () => {
  const { connection, peer } = await fakePair();
  const ping = 'list-tube-used\r\n';
  const many = Array.from({ length: 20 }, () => connection.execute(commands.listTubeUsed()));
  await peer.takes(ping.repeat(20));
  const enough = Array.from({ length: 5 }, () => connection.execute(commands.listTubeUsed()));
  await turn();
  expect(connection).toMatchObject({ underWay: 25, queued: 0 });
  await peer.takes(ping.repeat(5));
  peer.says('USING default\r\n'.repeat(25));
  await Promise.all([...many, ...enough]);
});

test('no more than a mebibyte and 128 commands are under way', async () => {
  const { connection, peer } = await fakePair();
  const body = Buffer.alloc(300_000, 'b');
  const puts = Array.from({ length: 6 }, () => connection.execute(commands.put('default', { ...job, body })));
  const line = `put 1 2 3 300000\r\n${'b'.repeat(300_000)}\r\n`;
  await peer.takes(line.repeat(4));
  expect(connection).toMatchObject({ underWay: 4, queued: 2 });
  peer.says('INSERTED 1\r\n');
  await peer.takes(line);
  peer.says('INSERTED 2\r\n');
  await peer.takes(line);
  peer.says('INSERTED 3\r\nINSERTED 4\r\nINSERTED 5\r\nINSERTED 6\r\n');
  expect((await Promise.all(puts)).map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6']);
  const pings = Array.from({ length: 200 }, () => connection.execute(commands.listTubeUsed()));
  await peer.takes('list-tube-used\r\n'.repeat(128));
  expect(connection).toMatchObject({ underWay: 128, queued: 72 });
  expect(peer.received).toBe('');
  peer.says('USING default\r\n'.repeat(128));
  await peer.takes('list-tube-used\r\n'.repeat(72));
  peer.says('USING default\r\n'.repeat(72));
  await Promise.all(pings);
});
