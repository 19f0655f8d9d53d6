import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server, type ServerOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { answerClientError } from '../src/routes/raw-errors.ts';
import { Tls } from '../src/tls.ts';
import type { TlsFiles } from '../src/tls-material.ts';
import { freePort, poll } from './support/beanstalkd.ts';
import { Authority, type Certified } from './support/certificates.ts';

const SEEN_MS = 2_000;
/** Seen, and then borne for three seconds. */
const COMPLAINED_MS = SEEN_MS + 3_500;
const IN_USE = 'info TLS: the new certificates are in use';

let folder: string;
let authority: Authority;
let stranger: Authority;
let first: Certified;
let second: Certified;
let caller: Certified;
let outsider: Certified;
let pair: { certFile: string; keyFile: string };
let mutual: { certFile: string; keyFile: string; clientCaFile: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tls-'));
  authority = new Authority(folder, 'authority');
  stranger = new Authority(folder, 'stranger');
  first = authority.issue('first', 'serverAuth');
  second = authority.issue('second', 'serverAuth');
  caller = authority.issue('caller', 'clientAuth');
  outsider = stranger.issue('outsider', 'clientAuth');
  pair = { certFile: join(folder, 'server.crt'), keyFile: join(folder, 'server.key') };
  mutual = { ...pair, clientCaFile: join(folder, 'clients.crt') };
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  install(first);
  copyFileSync(authority.certFile, mutual.clientCaFile);
});

function install({ certFile, keyFile }: Certified): void {
  copyFileSync(certFile, pair.certFile);
  copyFileSync(keyFile, pair.keyFile);
}

interface Served {
  readonly tls: Tls;
  readonly server: Server;
  readonly port: number;
  readonly logged: readonly string[];
  /** Why handshakes came to nothing, until it is taken. */
  readonly failed: string[];
}

/** A server that answers what is no HTTP as the gateway does. */
async function serve(files: TlsFiles, options: ServerOptions = {}): Promise<Served> {
  const logged: string[] = [];
  const failed: string[] = [];
  const log = (level: string) => (message: string) => logged.push(`${level} ${message}`);
  const debug = (message: string) => failed.push(message);
  const tls = Tls.open(files, { debug, info: log('info'), warn: log('warn'), error: log('error') });
  const server = createServer({ ...tls.options, ...options }, (_, response) => response.end('hello'));
  server.on('clientError', answerClientError);
  tls.attach(server);
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    tls.close();
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { tls, server, port, logged, failed };
}

interface Called {
  readonly status: number | undefined;
  /** The common name in the server's certificate. */
  readonly server: string | string[] | undefined;
  readonly protocol: string | null;
  readonly alpn: string | false | null;
}

/** One call. Rejects with what the handshake, or the silence behind it, came to. */
function call(port: number, options: ConnectionOptions & { agent?: Agent } = {}): Promise<Called> {
  const trusted = { ca: readFileSync(authority.certFile), ALPNProtocols: ['http/1.1'] };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: false, ...trusted, ...options }, (response) => {
      const { socket, statusCode } = response;
      if (!(socket instanceof TLSSocket)) throw new Error('the answer came without TLS');
      const called = {
        status: statusCode,
        server: socket.getPeerCertificate().subject?.CN,
        protocol: socket.getProtocol(),
        alpn: socket.alpnProtocol,
      };
      response.resume().on('end', () => resolve(called));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The reason why a call is refused. */
const refusal = (port: number, options: ConnectionOptions = {}): Promise<string> =>
  call(port, options).then(() => 'accepted', String);

const as = ({ certFile, keyFile }: Certified) => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
});

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** A connection without TLS. */
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume();
  // Whether it is reset or closed in order is the same.
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Long before the 15 s that are the bound of it. */
const untilCut = (socket: Socket) => poll('the connection is cut', () => socket.destroyed, 2_000);

describe('what is served', () => {
  test('TLS 1.3 and 1.2, with HTTP/1.1', async () => {
    const { port } = await serve(pair);
    const good = { status: 200, server: 'first', alpn: 'http/1.1' };
    expect(await call(port)).toEqual({ ...good, protocol: 'TLSv1.3' });
    expect(await call(port, { maxVersion: 'TLSv1.2' })).toEqual({ ...good, protocol: 'TLSv1.2' });
  });

  test('nothing older, and nothing but HTTP/1.1, also after a reload', async () => {
    const { tls, port } = await serve(pair);
    for (const server of [first, second]) {
      install(server);
      tls.reload();
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      expect(await refusal(port, old)).toContain('alert protocol version');
      expect(await refusal(port, { ALPNProtocols: ['h2'] })).toContain('alert no application protocol');
    }
  });

  test('the chain behind the certificate', async () => {
    writeFileSync(pair.certFile, readFileSync(authority.certFile), { flag: 'a' });
    const { port } = await serve(pair);
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.getPeerX509Certificate()?.issuerCertificate?.subject).toBe('CN=authority');
  });

  test('an expired certificate, with a warning', async () => {
    install(authority.issue('expired', 'serverAuth', 0));
    const { port, logged } = await serve(pair);
    expect(logged).toEqual([expect.stringMatching(/^warn TLS_CERT_FILE: certificate 1 expired on .* GMT$/)]);
    expect(await refusal(port)).toContain('certificate has expired');
  });
});

describe('a client CA', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('lets its own in, and nobody else: %s', async (maxVersion) => {
    const { server, port, failed } = await serve(mutual);
    let requests = 0;
    server.on('request', () => requests++);
    expect(await call(port, { ...as(caller), maxVersion })).toMatchObject({ status: 200 });
    const others: readonly (readonly [Certified, string])[] = [
      [outsider, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [authority.issue('late', 'clientAuth', 0), 'CERT_HAS_EXPIRED'],
      [second, 'INVALID_PURPOSE'],
    ];
    for (const [other, why] of others) {
      expect(await refusal(port, { ...as(other), maxVersion })).not.toBe('accepted');
      await poll('the reason is told', () => failed.length > 0);
      expect(failed.splice(0)).toEqual([`TLS handshake failed (${why})`]);
    }
    expect(await refusal(port, { maxVersion })).toMatch(/alert (handshake failure|certificate required)/);
    expect(requests).toBe(1);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('verifies each connection: %s', async (maxVersion) => {
    const { tls, server, port } = await serve(mutual);
    const resumed: boolean[] = [];
    server.on('secureConnection', (socket) => resumed.push(socket.isSessionReused()));
    // It keeps sessions, though no connections.
    const agent = new Agent();
    for (const certified of [first, second]) {
      install(certified);
      tls.reload();
      for (let i = 0; i < 2; i++) await call(port, { ...as(caller), maxVersion, agent });
    }
    expect(resumed).toEqual([false, false, false, false]);
  });

  test('that is new counts from the next connection on', async () => {
    const { tls, port } = await serve(mutual);
    const agent = keepAlive();
    await call(port, { ...as(caller), agent });
    copyFileSync(stranger.certFile, mutual.clientCaFile);
    tls.reload();
    expect(await call(port, as(outsider))).toMatchObject({ status: 200 });
    expect(await refusal(port, as(caller))).not.toBe('accepted');
    expect(await call(port, { ...as(caller), agent })).toMatchObject({ status: 200 });
  });
});

describe('new files', () => {
  test('count for new connections, and end no old one', async () => {
    const { port, logged } = await serve(pair);
    const agent = keepAlive();
    expect(await call(port, { agent })).toMatchObject({ server: 'first' });
    install(second);
    await poll('the change is seen', async () => (await call(port)).server === 'second', SEEN_MS);
    expect(await call(port, { agent })).toMatchObject({ server: 'first' });
    expect(logged).toEqual([IN_USE]);
  });

  test('are seen at once when told', async () => {
    const { tls, port } = await serve(pair);
    install(second);
    tls.reload();
    expect(await call(port)).toMatchObject({ server: 'second' });
  });

  test('with the old content are none', async () => {
    const { tls, logged } = await serve(mutual);
    install(first);
    tls.reload();
    expect(logged).toEqual([]);
  });

  test('may come one after the other', async () => {
    const { tls, port, logged } = await serve(pair);
    copyFileSync(second.certFile, pair.certFile);
    tls.reload();
    expect(await call(port)).toMatchObject({ server: 'first' });
    copyFileSync(second.keyFile, pair.keyFile);
    await poll('both are seen', async () => (await call(port)).server === 'second', SEEN_MS);
    expect(logged).toEqual([IN_USE]);
  });

  test('that stay bad leave the old in use and one line, and can be made good', async () => {
    const { port, logged } = await serve(pair);
    rmSync(pair.keyFile);
    await poll('a complaint', () => logged.length > 0, COMPLAINED_MS);
    const complaint = `error TLS_KEY_FILE: "${pair.keyFile}" cannot be read (ENOENT); the old one stays in use`;
    expect(logged).toEqual([complaint]);
    expect(await call(port)).toMatchObject({ server: 'first' });
    install(first);
    await poll('all is well', () => logged.length > 1, SEEN_MS);
    expect(logged).toEqual([complaint, IN_USE]);
  });
});

describe('who does not shake hands', () => {
  test('has 15 s', async () => {
    const { tls } = await serve(pair);
    expect(tls.options.handshakeTimeout).toBe(15_000);
  });

  test('is cut then', async () => {
    const { port, failed } = await serve(pair, { handshakeTimeout: 100 });
    const silent = await dial(port);
    await untilCut(silent);
    expect(failed).toEqual(['TLS handshake failed (ERR_TLS_HANDSHAKE_TIMEOUT)']);
    expect(await call(port)).toMatchObject({ status: 200 });
  });

  test('is cut when it speaks HTTP', async () => {
    const { port, failed } = await serve(pair);
    const plain = await dial(port);
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await untilCut(plain);
    expect(failed).toEqual(['TLS handshake failed (ERR_SSL_HTTP_REQUEST)']);
    expect(await call(port)).toMatchObject({ status: 200 });
  });

  test('is cut when TLS is closed; who has goes on', async () => {
    const { tls, port } = await serve(pair);
    const agent = keepAlive();
    await call(port, { agent });
    const before = await dial(port);
    tls.close();
    await untilCut(before);
    const after = await dial(port);
    await untilCut(after);
    expect(await call(port, { agent })).toMatchObject({ status: 200 });
  });
});
