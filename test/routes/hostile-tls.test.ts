import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { watchConnections } from '../../src/routes/connections.ts';
import { poll } from '../support/beanstalkd.ts';
import { Authority } from '../support/certificates.ts';

/** More than the kernel takes off the server's hands. */
const LARGE = Buffer.alloc(48 * 1024 * 1024, 'x');
const STALL_MS = 1_000;

const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { certFile, keyFile } = new Authority(folder, 'authority').issue('server', 'serverAuth');

/** A server of this one answer, and a caller that has asked for it and reads nothing yet. */
async function stuck(): Promise<{ caller: TLSSocket; atServer: TLSSocket }> {
  const server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    (_request, response) => response.end(LARGE),
  );
  watchConnections(server, { max: 10, answerStallMs: STALL_MS, stallCheckEveryMs: 100 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(server, 'secureConnection');
  const caller = connect({ port: address.port, host: '127.0.0.1', rejectUnauthorized: false });
  caller.on('error', () => {});
  onTestFinished(() => void caller.destroy());
  await once(caller, 'secureConnect');
  const [atServer] = await accepted;
  caller.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await poll('the answer does not leave', () => atServer.writableLength > 0);
  return { caller, atServer };
}

test('a caller that does not read is cut off', async () => {
  const { atServer } = await stuck();
  const from = performance.now();
  await poll('it is given up', () => atServer.destroyed);
  expect(performance.now() - from).toBeGreaterThan(STALL_MS - 100);
});

test('one that reads slowly is not', async () => {
  const { caller, atServer } = await stuck();
  const from = performance.now();
  const STEP = LARGE.length / 50;
  let read = 0;
  let room = STEP;
  caller.on('data', (chunk: Buffer) => {
    read += chunk.length;
    room -= chunk.length;
    if (room > 0) return;
    room += STEP;
    caller.pause();
    setTimeout(() => caller.resume(), 100);
  });
  await poll('all has come', () => read > LARGE.length, 20_000);
  expect(performance.now() - from).toBeGreaterThan(3 * STALL_MS);
  expect(atServer.destroyed).toBe(false);
});
