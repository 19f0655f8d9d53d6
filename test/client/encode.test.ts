import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CommandEncoder } from '../../src/client/encode.ts';
import { poll } from '../support/beanstalkd.ts';

const server = createServer();
let out: Socket;
let received: Buffer[] = [];
let peer: Socket;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  out = connect(address.port, '127.0.0.1');
  [peer] = (await once(server, 'connection')) as [Socket];
  peer.on('data', (chunk: Buffer) => received.push(chunk));
});

afterAll(() => {
  out.destroy();
  peer.destroy();
  server.close();
});

const CRLF = Buffer.from('\r\n');
const receivedBytes = () => received.reduce((sum, chunk) => sum + chunk.length, 0);

async function flushed(encoder: CommandEncoder): Promise<void> {
  while (!encoder.flush(out)) await once(out, 'drain');
}

const bodySize = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 200 * 1024 }),
  fc.constantFrom(0, 1, 32_767, 32_768, 32_769, 65_534, 65_535, 65_536),
);
const step = fc.oneof(
  fc.record({ line: fc.stringMatching(/^[ -~]{1,222}$/) }),
  fc.record({ line: fc.constant('put 1 2 3 4'), size: bodySize, fill: fc.integer({ min: 1, max: 255 }) }),
  fc.constant('flush' as const),
);

test('lines, bodies and flushes leave as exactly what was written, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.boolean(),
      async (steps, slowReader) => {
        received = [];
        if (slowReader) peer.pause();
        const encoder = new CommandEncoder();
        const expected: Buffer[] = [];
        for (const each of steps) {
          if (each === 'flush') {
            encoder.flush(out);
            continue;
          }
          const body = 'size' in each ? Buffer.alloc(each.size, each.fill) : undefined;
          const command = [Buffer.from(each.line), CRLF, ...(body === undefined ? [] : [body, CRLF])];
          expected.push(...command);
          expect(encoder.write(each.line, body)).toBe(Buffer.concat(command).length);
        }
        peer.resume();
        await flushed(encoder);
        const wire = Buffer.concat(expected);
        await poll('all has come', () => receivedBytes() >= wire.length);
        expect(Buffer.concat(received).equals(wire)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('a body that the socket cannot take at once leaves in parts and arrives whole', async () => {
  received = [];
  peer.pause();
  const body = Buffer.alloc(24_000_000, '0123456789\r\n');
  const encoder = new CommandEncoder();
  const bytes = encoder.write('put 0 0 1 24000000', body) + encoder.write('stats');
  expect(encoder.flush(out)).toBe(false);
  expect(out.writableLength).toBeLessThanOrEqual(262_144);
  peer.resume();
  await once(out, 'drain');
  await flushed(encoder);
  await poll('all has come', () => receivedBytes() >= bytes);
  const wire = Buffer.concat([Buffer.from('put 0 0 1 24000000\r\n'), body, Buffer.from('\r\nstats\r\n')]);
  expect(Buffer.concat(received).equals(wire)).toBe(true);
});

test('what the socket has not taken yet is never written over', async () => {
  received = [];
  peer.pause();
  const encoder = new CommandEncoder();
  const body = Buffer.alloc(24_000_000, 'x');
  encoder.write('put 0 0 1 24000000', body);
  expect(encoder.flush(out)).toBe(false);
  const behind = Array.from({ length: 5_000 }, (_, n) => `put ${n} 0 60 5`);
  for (const line of behind) {
    encoder.write(line, Buffer.from(line.slice(0, 5)));
    encoder.flush(out);
  }
  peer.resume();
  await flushed(encoder);
  const small = behind.map((line) => `${line}\r\n${line.slice(0, 5)}\r\n`).join('');
  const wire = Buffer.concat([Buffer.from('put 0 0 1 24000000\r\n'), body, Buffer.from(`\r\n${small}`)]);
  await poll('all has come', () => receivedBytes() >= wire.length);
  expect(Buffer.concat(received).equals(wire)).toBe(true);
});

test('a thousand lines and small bodies of one flush are one write', () => {
  const encoder = new CommandEncoder();
  const writes = vi.spyOn(out, 'write').mockReturnValue(true);
  for (let n = 0; n < 1_000; n += 1) encoder.write('put 1 0 1 5', Buffer.from('hello'));
  expect(encoder.flush(out)).toBe(true);
  expect(writes).toHaveBeenCalledTimes(1);
  encoder.flush(out);
  expect(writes).toHaveBeenCalledTimes(1);
  writes.mockRestore();
});

test('a large body is not copied', () => {
  const encoder = new CommandEncoder();
  const writes = vi.spyOn(out, 'write').mockReturnValue(true);
  const body = Buffer.alloc(100_000);
  encoder.write('put 1 0 1 100000', body);
  encoder.flush(out);
  const written = writes.mock.calls.map(([chunk]) => chunk as Buffer);
  expect(written.some((chunk) => chunk.buffer === body.buffer && chunk.length === body.length)).toBe(true);
  writes.mockRestore();
});
