import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Tls } from '../../src/tls.ts';
import { tubeFigure } from '../pool/house.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { Authority, type Certified } from '../support/certificates.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startListening, startProcess } from '../support/processes.ts';
import type { RawConnection } from '../support/raw-connection.ts';

/** A change is seen within 2 s, and what stays bad is borne for 3 s. */
const SEEN_MS = 2_000;
const COMPLAINED_MS = 6_000;
const STOPPED = { code: 0, signal: null };
/** For the gateway: nobody watches a file. */
const UNWATCHED = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  fs.watchFile = () => {};
  syncBuiltinESMExports();
`;
/** More than the buffers of the kernel take at both ends. */
const BIG = Buffer.alloc(30_000_000, 'x');
const run = promisify(execFile);

let beanstalkd: Beanstalkd;
let raw: RawConnection;
let folder: string;
let authority: Authority;
let first: Certified;
let second: Certified;
let files: { TLS_CERT_FILE: string; TLS_KEY_FILE: string };

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start('-z', `${BIG.length}`);
  raw = await beanstalkd.raw();
  folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  authority = new Authority(folder, 'authority');
  first = authority.issue('first', 'serverAuth');
  second = authority.issue('second', 'serverAuth');
});

afterAll(async () => {
  await beanstalkd.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  files = { TLS_CERT_FILE: join(folder, 'server.crt'), TLS_KEY_FILE: join(folder, 'server.key') };
  install(first);
});

function install({ certFile, keyFile }: Certified): void {
  copyFileSync(certFile, files.TLS_CERT_FILE);
  copyFileSync(keyFile, files.TLS_KEY_FILE);
}

const start = (env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<GatewayProcess> =>
  startListening([], { BEANSTALKD_URL: beanstalkd.url, ...files, ...env }, nodeArgs);

/** What curl prints: the answer's body. */
async function curl({ url }: GatewayProcess, path: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['-sS', '--cacert', authority.certFile, ...args, `${url}${path}`]);
  return stdout;
}

/** A connection of a caller; closed when the test is over. */
async function dial({ url }: Pick<GatewayProcess, 'url'>): Promise<TLSSocket> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), ca: readFileSync(authority.certFile) });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket;
}

/** The certificate that a new connection is shown. */
async function certificateOf(gateway: GatewayProcess): Promise<string | undefined> {
  const socket = await dial(gateway);
  const subject = socket.getPeerX509Certificate()?.subject;
  socket.destroy();
  return subject?.replace('CN=', '');
}

const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** One call over a connection that stays; the first piece of its answer. */
async function ask(socket: TLSSocket, request: string): Promise<string> {
  socket.write(request);
  const [piece] = await once(socket, 'data');
  return String(piece);
}

const untilWaiting = (tube: string, callers: number) =>
  poll(`${callers} wait`, async () => (await tubeFigure(raw, tube, 'current-waiting')) === callers);

const complaints = ({ stdout }: GatewayProcess): string[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"level":50'))
    .map((line) => JSON.parse(line).msg);

describe('HTTPS', () => {
  test('put, reserve with a wait, delete', async () => {
    const gateway = await start();
    expect(gateway.url).toMatch(/^https:/);
    const reserving = curl(gateway, '/v1/tubes/mail/reservations?timeout=20', '-X', 'POST');
    await untilWaiting('mail', 1);
    await curl(gateway, '/v1/tubes/mail/jobs', '-d', 'hello');
    const [reservation] = JSON.parse(await reserving).reservations;
    expect(reservation.body).toBe('hello');
    const path = `/v1/reservations/${reservation.reservation}`;
    expect(await curl(gateway, path, '-X', 'DELETE', '-w', '%{http_code}')).toBe('204');
    expect(await raw.stateOf(reservation.job.id)).toBeUndefined();
  });

  test('nobody without a certificate of TLS_CLIENT_CA_FILE', async () => {
    const gateway = await start({ TLS_CLIENT_CA_FILE: authority.certFile });
    const { certFile, keyFile } = authority.issue('caller', 'clientAuth');
    const as = ['--cert', certFile, '--key', keyFile];
    expect(await curl(gateway, '/livez', ...as)).toBe('{"status":"ok"}');
    await expect(curl(gateway, '/livez')).rejects.toThrow(/curl: \(\d+\) /);
  });

  test('many calls sent ahead on one connection are no reason for a warning', async () => {
    const gateway = await start();
    const socket = await dial(gateway);
    let answers = '';
    socket.on('data', (chunk) => {
      answers += String(chunk);
    });
    socket.write(post('/v1/tubes/ahead/reservations?timeout=1').repeat(20));
    await poll('all are answered', () => answers.split('HTTP/1.1 200').length === 21);
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
    expect(gateway.stderr).toBe('');
  });

  test('a bad pair at the start: one line, exit code 2', async () => {
    copyFileSync(second.keyFile, files.TLS_KEY_FILE);
    const gateway = startProcess([], files);
    expect(await gateway.exit).toEqual({ code: 2, signal: null });
    expect(gateway.stderr).toBe(
      'beanstalkd-gateway: TLS_KEY_FILE: the key does not fit the first certificate in TLS_CERT_FILE\n',
    );
    expect(gateway.stdout).toBe('');
  });
});

describe('new certificates', () => {
  test('are shown to new connections within 2 s, and an open one goes on', async () => {
    const gateway = await start();
    const open = await dial(gateway);
    expect(await ask(open, post('/v1/tubes/open/jobs'))).toMatch(/^HTTP\/1\.1 201 /);
    install(second);
    await poll('the new one is shown', async () => (await certificateOf(gateway)) === 'second', SEEN_MS);
    expect(await ask(open, post('/v1/tubes/open/jobs'))).toMatch(/^HTTP\/1\.1 201 /);
  });

  test('are read on SIGHUP, and the gateway goes on', async () => {
    const gateway = await start({}, ['--import', `data:text/javascript,${encodeURIComponent(UNWATCHED)}`]);
    // Twice, since it looks once by itself soon after its start.
    for (const [name, certified] of Object.entries({ second, first })) {
      install(certified);
      gateway.signal('SIGHUP');
      await poll(`the ${name} is shown`, async () => (await certificateOf(gateway)) === name, SEEN_MS);
    }
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
  });

  test('that do not fit leave the old ones in use, with one line in the log', async () => {
    const gateway = await start();
    copyFileSync(second.keyFile, files.TLS_KEY_FILE);
    await poll('a complaint', () => complaints(gateway).length > 0, COMPLAINED_MS);
    expect(await certificateOf(gateway)).toBe('first');
    install(second);
    await poll('they fit', async () => (await certificateOf(gateway)) === 'second', SEEN_MS);
    expect(complaints(gateway)).toEqual([
      'TLS_KEY_FILE: the key does not fit the first certificate in TLS_CERT_FILE; the old one stays in use',
    ]);
  });
});

test('connections that are idle, new or in their handshake do not hold up a stop', async () => {
  const gateway = await start({ COMMAND_TIMEOUT_MS: '200' });
  expect(await ask(await dial(gateway), post('/v1/tubes/idle/jobs'))).toMatch(/^HTTP\/1\.1 201 /);
  await dial(gateway);
  const { hostname, port } = new URL(gateway.url);
  const silent = connectTcp(Number(port), hostname).resume();
  onTestFinished(() => void silent.destroy());
  silent.on('error', () => {});
  await once(silent, 'connect');
  let exit: unknown;
  void gateway.exit.then((how) => {
    exit = how;
  });
  gateway.signal('SIGTERM');
  // Sooner than the gateway gives up a handshake.
  await poll('it exits', () => exit !== undefined, 5_000);
  expect(exit).toEqual(STOPPED);
});

describe('a caller that goes away', () => {
  test.each(['end', 'destroy'] as const)('while it waits (%s) leaves nothing behind', async (leave) => {
    const gateway = await start();
    const tube = `left-by-${leave}`;
    const caller = await dial(gateway);
    caller.write(post(`/v1/tubes/${tube}/reservations?timeout=20`));
    await untilWaiting(tube, 1);
    caller[leave]();
    await untilWaiting(tube, 0);
    const id = await raw.put(tube, 'x');
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
  });

  test('with its answer unread leaves its job ready again at once', async () => {
    const gateway = await start();
    const id = await raw.put('unread', BIG, { ttr: 500 });
    const caller = await dial(gateway);
    caller.pause();
    caller.write(post('/v1/tubes/unread/reservations?timeout=20'));
    await once(caller, 'readable');
    expect(await raw.stateOf(id)).toBe('reserved');
    caller.destroy();
    await poll('it is ready', async () => (await raw.stateOf(id)) === 'ready', 1_000);
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ releases: '1', timeouts: '0' });
  });
});

describe('an answer', () => {
  /** In this process, where a stall can be short. */
  async function startImpatient(): Promise<TestGateway> {
    const tls = Tls.open(first, pino({ level: 'silent' }));
    const timeouts = { answerStallMs: 700, stallCheckEveryMs: 50 };
    const gateway = await startGateway(beanstalkd, { app: { tls }, timeouts });
    onTestFinished(async () => {
      await gateway.stop();
      tls.close();
    });
    return gateway;
  }

  test('that nobody reads is given up, and its job is ready again', async () => {
    const gateway = await startImpatient();
    const id = await raw.put('stalled', BIG, { ttr: 500 });
    const caller = await dial(gateway);
    caller.pause();
    caller.write(post('/v1/tubes/stalled/reservations'));
    await once(caller, 'readable');
    await poll('it is ready', async () => (await raw.stateOf(id)) === 'ready');
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ releases: '1', timeouts: '0' });
    expect(gateway.pool.snapshot().bodyBytes).toBe(0);
  });

  test('that is read slowly, but all the time, arrives however long it takes', async () => {
    const gateway = await startImpatient();
    const id = await raw.put('slow', BIG, { ttr: 500 });
    const caller = await dial(gateway);
    caller.pause();
    caller.write(post('/v1/tubes/slow/reservations'));
    let read = 0;
    while (read < BIG.length && !caller.destroyed) {
      await setTimeout(25);
      read += (caller.read(250_000) ?? caller.read())?.length ?? 0;
    }
    expect(read).toBeGreaterThanOrEqual(BIG.length);
    expect(await raw.stateOf(id)).toBe('reserved');
  });
});
