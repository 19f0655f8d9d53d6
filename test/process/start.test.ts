import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort, poll } from '../support/beanstalkd.ts';
import { startListening, startProcess } from '../support/processes.ts';

describe('not started', () => {
  test('--help', async () => {
    const gateway = startProcess(['--help', '--wrong'], { PORT: 'wrong' });
    expect(await gateway.exit).toEqual({ code: 0, signal: null });
    expect(gateway.stdout).toContain('--reserve-slice <value>\n');
    expect(gateway.stderr).toBe('');
  });

  test('--version', async () => {
    const gateway = startProcess(['--version']);
    expect(await gateway.exit).toEqual({ code: 0, signal: null });
    expect(gateway.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each<[string, number, string[], Record<string, string>, RegExp]>([
    ['a wrong flag', 2, ['--prot', '80'], {}, /unknown flag "--prot"/],
    ['a wrong value', 2, [], { RESERVE_SLICE: '0' }, /RESERVE_SLICE: 0 is out of range/],
    ['an open door', 2, ['--host', '0.0.0.0'], {}, /HOST: .*ALLOW_ANONYMOUS/],
    [
      'no beanstalkd to run',
      1,
      ['--beanstalkd-url=own'],
      { PATH: '/nonexistent' },
      /beanstalkd is not on PATH/,
    ],
    [
      'no place for data',
      1,
      ['--beanstalkd-url=own'],
      { DATA_DIR: '/dev/null/data' },
      /DATA_DIR: \/dev\/null\/data/,
    ],
    [
      'an address of others',
      1,
      ['--allow-anonymous'],
      { HOST: '192.0.2.1' },
      /HOST: 192.0.2.1 is no address/,
    ],
  ])('%s: one line, exit code %i', async (_, code, args, env, line) => {
    const gateway = startProcess(args, env);
    expect(await gateway.exit).toEqual({ code, signal: null });
    expect(gateway.stderr).toMatch(/^beanstalkd-gateway: [^\n]+\n$/);
    expect(gateway.stderr).toMatch(line);
  });

  test('a port in use: one line, exit code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const gateway = startProcess(['--port', port]);
    expect(await gateway.exit).toEqual({ code: 1, signal: null });
    expect(gateway.stderr).toBe(
      `beanstalkd-gateway: PORT: ${port} on 127.0.0.1 is in use by another program\n`,
    );
  });
});

describe('started', () => {
  test('without a beanstalkd there: alive, not ready, and it says so', async () => {
    const url = `beanstalkd://127.0.0.1:${await freePort()}`;
    const gateway = await startListening(['--beanstalkd-url', url]);
    expect((await gateway.call('GET', '/livez')).status).toBe(200);
    await poll('it is not ready', async () => (await gateway.call('GET', '/readyz')).status === 503);
  });

  test('the log is JSON, says where it listens and to whom it talks, and has failed requests alone', async () => {
    const port = await freePort();
    const gateway = await startListening(['--beanstalkd-url', `beanstalkd://127.0.0.1:${port}`]);
    await gateway.call('GET', '/livez');
    await gateway.call('GET', '/nowhere');
    await poll('the request is logged', () => gateway.stdout.includes('404'));
    const [first = '', ...rest] = gateway.stdout.trim().split('\n');
    expect(JSON.parse(first)).toMatchObject({
      msg: `listening on ${gateway.url}, with the beanstalkd at 127.0.0.1:${port}`,
    });
    expect(rest.map((line) => JSON.parse(line).status)).toEqual([404]);
  });

  test('an open door that is meant is warned of in the log', async () => {
    const gateway = await startListening(['--host=0.0.0.0', '--allow-anonymous']);
    expect(gateway.stdout).toMatch(/^\{"level":40,[^\n]*ALLOW_ANONYMOUS: anybody who reaches 0\.0\.0\.0/);
  });

  test('LOG_LEVEL=silent is silent', async () => {
    const port = await freePort();
    const gateway = startProcess([], { LOG_LEVEL: 'silent', PORT: String(port) });
    const live = () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
    await poll('it is alive', live, 20_000);
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual({ code: 0, signal: null });
    expect(gateway.stdout + gateway.stderr).toBe('');
  });

  test('with a beanstalkd of its own it is ready, and takes jobs over into its next life', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'gateway-test-'));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const env = { BEANSTALKD_URL: 'own', DATA_DIR: dataDir };
    const first = await startListening([], env);
    expect((await first.call('GET', '/readyz')).status).toBe(200);
    expect((await first.call('POST', '/v1/tubes/kept/jobs', 'hello')).status).toBe(201);
    first.signal('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    const second = await startListening([], env);
    expect(await (await second.call('GET', '/v1/tubes/kept/peek?state=ready')).text()).toContain(
      '"body":"hello"',
    );
    second.signal('SIGTERM');
    await second.exit;
  });
});
