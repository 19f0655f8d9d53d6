import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import { Connection } from '../../src/client/connection.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { CountedMemory, connectionOptions, connectionTo } from '../support/connection.ts';
import { RawConnection } from '../support/raw-connection.ts';

let beanstalkd: Beanstalkd;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start('-z', '4194304');
});

afterAll(() => beanstalkd.stop());

const job = (body: Buffer) => ({ priority: 1, delay: 0, ttr: 60, body });
const SIZES = [
  0, 1, 2, 32_766, 32_767, 32_768, 32_769, 32_770, 65_534, 65_535, 65_536, 262_143, 262_144, 262_145,
  1_048_576, 3_000_000,
];

test.each(SIZES)('a body of %i bytes goes and comes back byte for byte', async (size) => {
  const connection = await connectionTo(beanstalkd.address);
  const raw = await beanstalkd.raw();
  const body = randomBytes(size);
  const { id = '' } = await connection.execute(commands.put('bodies', job(body)));
  expect(await raw.command(`peek ${id}`)).toBe(`FOUND ${id} ${size}`);
  expect((await raw.bytes(size)).equals(body)).toBe(true);
  const reply = await connection.execute(commands.reserveJob(id));
  expect(reply.name === 'RESERVED' && reply.body?.equals(body)).toBe(true);
});

test('bodies of all sizes pipelined stay apart', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const bodies = SIZES.map((size, n) => Buffer.alloc(size, `${n}\r\n`));
  const ids = await Promise.all(
    bodies.map(async (body) => (await connection.execute(commands.put('many', job(body)))).id ?? ''),
  );
  const back = await Promise.all(ids.map((id) => connection.execute(commands.peek(id))));
  for (const [n, reply] of back.entries()) {
    expect(reply.name === 'FOUND' && reply.body?.equals(bodies[n] ?? Buffer.of(1)), `${SIZES[n]}`).toBe(true);
  }
});

test('a body that looks like commands is a body', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const raw = await beanstalkd.raw();
  const body = Buffer.from('\r\nuse injected\r\nput 0 0 1 1\r\nx\r\nquit\r\n');
  await connection.execute(commands.put('injection', job(body)));
  expect(await raw.reserve('injection')).toMatchObject({ body });
  expect(await raw.list('list-tubes')).not.toContain('injected');
});

test('a body that memory refuses is reserved without it, and counts nothing', async () => {
  const memory = new CountedMemory(100);
  const connection = await connectionTo(beanstalkd.address, { memory });
  const raw = await beanstalkd.raw();
  const big = await raw.put('refused', 'x'.repeat(101), { priority: 1 });
  const small = await raw.put('refused', 'y'.repeat(100), { priority: 2 });
  const take = () => connection.execute(commands.reserveWithTimeout(['refused'], 0));
  expect(await Promise.all([take(), take()])).toEqual([
    { name: 'RESERVED', id: big, body: undefined },
    { name: 'RESERVED', id: small, body: Buffer.alloc(100, 'y') },
  ]);
  expect(memory.used).toBe(100);
});

test('a UNIX socket does as well as TCP', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  const path = join(folder, 'beanstalkd.sock');
  const child = spawn('beanstalkd', ['-l', `unix:${path}`], { stdio: 'ignore' });
  // RawConnection knows ports alone.
  const relay = createServer((socket) => {
    const onward = connect(path);
    socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  onTestFinished(async () => {
    relay.close();
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  await once(relay, 'listening');
  let dialled: Connection | undefined;
  await poll('it listens', async () => {
    dialled = await Connection.dial({ path }, connectionOptions()).catch(() => undefined);
    return dialled !== undefined;
  });
  const connection = dialled;
  if (connection === undefined) throw new Error('not dialled');
  const body = randomBytes(65_535);
  const { id = '' } = await connection.execute(commands.put('local', job(body)));
  const address = relay.address();
  const raw = await RawConnection.open(typeof address === 'object' && address ? address.port : 0);
  expect(await raw.stateOf(id)).toBe('ready');
  const reply = await connection.execute(commands.reserveWithTimeout(['local'], 0));
  expect(reply.name === 'RESERVED' && reply.body?.equals(body)).toBe(true);
  expect(await raw.stateOf(id)).toBe('reserved');
  connection.destroy();
  await poll('its job is ready again', async () => (await raw.stateOf(id)) === 'ready');
  raw.close();
});
