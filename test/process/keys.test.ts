import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { digestOf, entry } from '../access/entry.ts';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startListening, startProcess } from '../support/processes.ts';

/** A change is seen within 2 s. */
const SEEN_MS = 2_000;
const READ = 'the API keys have been read again';
const REFUSED = 'API_KEYS_FILE is not accepted, the keys stay as they were';
const BODY = 'body-of-a-job';
const STOPPED = { code: 0, signal: null };

let beanstalkd: Beanstalkd;
let folder: string;
let path: string;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
});

afterAll(() => beanstalkd.stop());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  path = join(folder, 'keys.yaml');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** In one step, so that nobody looks in the middle. */
function write(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

const writeKeys = (...entries: ReturnType<typeof entry>[]) => write(JSON.stringify({ keys: entries }));

function start(env: Record<string, string> = {}): Promise<GatewayProcess> {
  return startListening([], { BEANSTALKD_URL: beanstalkd.url, API_KEYS_FILE: path, ...env });
}

/** A call with whatever stands for a key; `POST /a/path`. */
function call(url: string, authorization: string, target: string): Promise<Response> {
  const [method = '', path = ''] = target.split(' ');
  const body = /\/jobs\b/.test(path) ? { body: BODY } : {};
  return fetch(`${url}${path}`, { method, headers: { authorization }, ...body });
}

/** How a put is answered. */
const statusOf = async ({ url }: GatewayProcess, secret: string): Promise<number> =>
  (await call(url, `Bearer ${secret}`, 'POST /v1/tubes/t/jobs')).status;

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

const linesOf = ({ stdout }: GatewayProcess): Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const said = (gateway: GatewayProcess, message: string): Line[] =>
  linesOf(gateway).filter(({ msg }) => msg === message);

describe('the start', () => {
  test('with keys: beyond loopback without ALLOW_ANONYMOUS, with a warning, and for nobody without a key', async () => {
    writeKeys(entry('a'));
    const gateway = await start({ HOST: '0.0.0.0' });
    expect(linesOf(gateway).filter(({ level }) => level > 30)).toEqual([
      expect.objectContaining({
        level: 40,
        msg: 'API_KEYS_FILE: without TLS keys are readable on the way to 0.0.0.0; have a proxy in front',
      }),
    ]);
    expect((await gateway.call('POST', '/v1/tubes/t/jobs', 'x')).status).toBe(401);
    expect(await statusOf(gateway, 'secret-of-b')).toBe(401);
    expect(await statusOf(gateway, 'secret-of-a')).toBe(201);
  });

  test('without keys beyond loopback: one line, and it has not listened', async () => {
    const gateway = startProcess([], { HOST: '0.0.0.0' });
    expect(await gateway.exit).toEqual({ code: 2, signal: null });
    expect(gateway.stderr).toBe(
      'beanstalkd-gateway: HOST: 0.0.0.0 is reachable from other machines, where anybody could call; set API_KEYS_FILE, or ALLOW_ANONYMOUS=true if that is meant\n',
    );
    expect(gateway.stdout).toBe('');
  });

  test.each<[string, () => void, string]>([
    ['that is not there', () => {}, 'cannot be read: ENOENT'],
    ['that is malformed', () => write('keys:\n  - {name: a'), 'line 2, column 13: .+'],
    ['without keys', () => write(''), 'the file is not a mapping with the list keys'],
    [
      'with a right that there is not',
      () => write(JSON.stringify({ keys: [entry('a'), { ...entry('b'), rights: ['produce', 'read'] }] })),
      'keys\\[1\\]\\.rights\\[1\\] "read" is none of produce, consume, inspect, admin',
    ],
    [
      'with a member that there is not',
      () => write(JSON.stringify({ keys: [{ ...entry('a'), secret: 'secret-of-a' }] })),
      'keys\\[0\\]\\.secret is not a known member',
    ],
  ])('with a file %s: one line that says where and what, exit code 2', async (_, spoil, problem) => {
    spoil();
    const gateway = startProcess([], { API_KEYS_FILE: path });
    expect(await gateway.exit).toEqual({ code: 2, signal: null });
    expect(gateway.stderr).toMatch(new RegExp(`^beanstalkd-gateway: API_KEYS_FILE: ${problem}\n$`));
    expect(gateway.stdout).toBe('');
  });
});

describe('a file that changes', () => {
  test('is taken by itself within 2 s', async () => {
    writeKeys(entry('a'));
    const gateway = await start();
    writeKeys(entry('b'), entry('c'));
    await poll('the new keys hold', async () => (await statusOf(gateway, 'secret-of-c')) === 201, SEEN_MS);
    expect(await statusOf(gateway, 'secret-of-a')).toBe(401);
    expect(said(gateway, READ)).toEqual([expect.objectContaining({ level: 30, keys: 2 })]);
  });

  test('leaves the keys as they were where it is bad, with one line in the log', async () => {
    writeKeys(entry('a'));
    const gateway = await start();
    write('keys: [{name: b}]');
    await poll('it is refused', () => said(gateway, REFUSED).length > 0, SEEN_MS);
    expect(await statusOf(gateway, 'secret-of-a')).toBe(201);
    writeKeys(entry('b'));
    await poll('it is good again', async () => (await statusOf(gateway, 'secret-of-b')) === 201, SEEN_MS);
    expect(linesOf(gateway).filter(({ level }) => level > 30)).toEqual([
      expect.objectContaining({ level: 50, msg: REFUSED, problem: 'keys[0].sha256 is missing' }),
    ]);
  });

  // Looking by itself, the gateway says nothing about a file that has not changed.
  test('is read at once on SIGHUP, also one that has not changed, and the gateway goes on', async () => {
    writeKeys(entry('a'));
    const gateway = await start();
    for (const times of [1, 2]) {
      gateway.signal('SIGHUP');
      await poll('it is read', () => said(gateway, READ).length === times);
    }
    writeKeys(entry('b'));
    gateway.signal('SIGHUP');
    // Once or twice: it may have been seen before the signal.
    await poll('it is read', () => said(gateway, READ).length > 2);
    expect(await statusOf(gateway, 'secret-of-b')).toBe(201);
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
  });
});

describe('keygen', () => {
  const wish = ['keygen', '--name', 'billing', '--rights', 'produce', '--tubes', 't,billing.*'];

  test('prints a key, and an entry with which the key is let in', async () => {
    const keygen = startProcess(wish, { PORT: 'wrong' });
    expect(await keygen.exit).toEqual({ code: 0, signal: null });
    expect(keygen.stderr).toBe('');
    const key = /^bg_.+$/m.exec(keygen.stdout)?.[0] ?? '';
    const shown = keygen.stdout.slice(keygen.stdout.indexOf('  - name:'));
    expect(keygen.stdout).toBe(
      [
        'The key. It is shown only this once:',
        '',
        key,
        '',
        'Its entry, to be put under "keys:" in the file that API_KEYS_FILE names:',
        '',
        '  - name: "billing"',
        `    sha256: "${digestOf(key)}"`,
        '    rights: ["produce"]',
        '    tubes: ["t","billing.*"]',
        '',
      ].join('\n'),
    );
    write(`keys:\n${shown}`);
    const gateway = await start();
    expect(await statusOf(gateway, key)).toBe(201);
    expect((await call(gateway.url, `Bearer ${key}`, 'POST /v1/tubes/u/jobs')).status).toBe(403);
  });

  test.each([
    [['keygen'], '--name is missing'],
    [[...wish, '--port', '80'], 'unknown flag "--port"; keygen --help lists all'],
  ])('%j: one line, exit code 2', async (argv, problem) => {
    const keygen = startProcess(argv);
    expect(await keygen.exit).toEqual({ code: 2, signal: null });
    expect(keygen.stderr).toBe(`beanstalkd-gateway: ${problem}\n`);
    expect(keygen.stdout).toBe('');
  });

  test('has a help of its own, which --help names', async () => {
    const [help, own] = [startProcess(['--help']), startProcess(['keygen', '--help'])];
    expect(await Promise.all([help.exit, own.exit])).toEqual([STOPPED, STOPPED]);
    expect(help.stdout).toContain('beanstalkd-gateway keygen --help');
    expect(own.stdout).toMatch(/^Usage: beanstalkd-gateway keygen --name /);
  });
});

describe('the log', () => {
  /** As long as those of keygen: what is shorter is shown where it stands in the wrong place of the file. */
  const secretOf = (name: string) => `bg_${name.padEnd(43, '0')}`;
  const rights = [...RIGHTS];

  test('has no key and no body, whatever is logged', async () => {
    const good = secretOf('good');
    const late = secretOf('late');
    writeKeys(
      entry('good', { rights, sha256: digestOf(good) }),
      entry('late', { rights, sha256: digestOf(late), expires: '2020-01-01T00:00:00Z' }),
    );
    const gateway = await start({ LOG_LEVEL: 'trace', LOG_REQUESTS: 'all' });
    const basic = Buffer.from(`user:${good}`).toString('base64');
    const forms = [good, late, secretOf('unknown'), `${good} ${good}`].map((key) => `Bearer ${key}`);
    forms.push(`Token ${good}`, `Basic ${basic}`);
    const targets = [
      'POST /v1/tubes/t/jobs',
      'POST /v1/tubes/t/kick?bound=1',
      `POST /v1/tubes/t/kick?access_token=${good}`,
      `POST /v1/tubes/t/jobs?access_token=${good}`,
      `GET /v1/tubes/t/peek?state=ready&access_token=${good}`,
      `GET /nowhere?access_token=${good}`,
    ];
    for (const form of forms) {
      for (const target of targets) {
        expect(await (await call(gateway.url, form, target)).text()).not.toMatch(/bg_/);
      }
    }
    const misplaced = secretOf('misplaced');
    const entries = [{ ...entry('x'), rights: [misplaced] }, { ...entry('x'), sha256: misplaced }, misplaced];
    const texts = entries.map((wrong) => JSON.stringify({ keys: [wrong] }));
    for (const text of [...texts, `keys: ${misplaced}`, misplaced, `keys: [*${misplaced}]`]) {
      const before = said(gateway, REFUSED).length;
      write(text);
      gateway.signal('SIGHUP');
      await poll('it is refused', () => said(gateway, REFUSED).length > before);
    }
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
    expect(said(gateway, 'request')).toHaveLength(forms.length * targets.length);
    const secrets = ['bg_', BODY, basic, digestOf(good), digestOf(late)];
    const lines = (gateway.stdout + gateway.stderr).split('\n');
    expect(lines.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
  });

  test('has what administrators do, also with LOG_LEVEL=silent, and nothing else', async () => {
    writeKeys(entry('admin', { rights }));
    const port = await freePort();
    const env = { API_KEYS_FILE: path, BEANSTALKD_URL: beanstalkd.url, PORT: `${port}`, LOG_LEVEL: 'silent' };
    const gateway = startProcess([], env);
    const url = `http://127.0.0.1:${port}`;
    const asAdmin = (target: string) => call(url, 'Bearer secret-of-admin', `POST ${target}`);
    const isLive = () =>
      fetch(`${url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
    await poll('it is alive', isLive, 20_000);
    expect((await asAdmin('/v1/tubes/t/jobs')).status).toBe(201);
    expect((await asAdmin('/v1/tubes/t/kick?bound=7')).status).toBe(200);
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
    expect(linesOf(gateway)).toEqual([
      expect.objectContaining({
        audit: true,
        operation: 'kickJobs',
        key: 'admin',
        address: '127.0.0.1',
        params: { tube: 't' },
        query: { bound: 7 },
        status: 200,
        answer: '{"kicked":0}',
      }),
    ]);
    expect(gateway.stderr).toBe('');
  });
});
