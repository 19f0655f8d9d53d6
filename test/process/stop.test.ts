import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { pidBehind, processes, talk } from '../own/talk.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startListening } from '../support/processes.ts';
import type { RawConnection } from '../support/raw-connection.ts';

/** Far longer than any test: what ends sooner has not waited for it. */
const LONG_GRACE = { SHUTDOWN_GRACE_MS: '600000' };
const STOPPED = { code: 0, signal: null };

let beanstalkd: Beanstalkd;
let raw: RawConnection;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  raw = await beanstalkd.raw();
});

afterAll(() => beanstalkd.stop());

function start(env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<GatewayProcess> {
  return startListening([], { BEANSTALKD_URL: beanstalkd.url, ...LONG_GRACE, ...env }, nodeArgs);
}

/** Puts from behind and reserves through the gateway. */
async function hold(gateway: GatewayProcess, tube: string): Promise<{ id: string; reservation: string }> {
  const id = await raw.put(tube, 'held');
  const reservation = await gateway.reserve(tube);
  expect(await raw.stateOf(id)).toBe('reserved');
  return { id, reservation };
}

async function untilStopping(gateway: GatewayProcess): Promise<void> {
  await poll('it is not ready', async () => (await gateway.call('GET', '/readyz')).status === 503);
}

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s with nothing held: exit code 0 at once',
    async (signal) => {
      const gateway = await start();
      await gateway.call('GET', '/livez');
      gateway.signal(signal);
      expect(await gateway.exit).toEqual(STOPPED);
      expect(gateway.stdout).toContain('"stopped"');
    },
  );

  test('what is held can be settled, new work is refused, and the last settling ends it', async () => {
    const gateway = await start();
    const { id, reservation } = await hold(gateway, 'settled');
    const waiting = gateway.call('POST', '/v1/tubes/nothing-here/reservations?timeout=60');
    await poll('somebody waits', async () => (await raw.stats('stats'))?.['current-waiting'] === '1');
    gateway.signal('SIGTERM');
    expect(await (await waiting).json()).toEqual({ reservations: [] });
    await untilStopping(gateway);
    expect((await gateway.call('POST', '/v1/tubes/settled/jobs', 'new')).status).toBe(503);
    expect((await gateway.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
    expect(await gateway.exit).toEqual(STOPPED);
    expect(await raw.stateOf(id)).toBeUndefined();
  });

  test('past the grace what is held is ready again', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_MS: '300' });
    const { id } = await hold(gateway, 'graceless');
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
    await poll('the job is ready again', async () => (await raw.stateOf(id)) === 'ready');
  });

  test('a caller that never ends its request does not hold up the stop', async () => {
    const gateway = await start({ COMMAND_TIMEOUT_MS: '200' });
    const { hostname, port } = new URL(gateway.url);
    const stuck = connect(Number(port), hostname);
    onTestFinished(() => void stuck.destroy());
    stuck.on('error', () => {});
    const request =
      'POST /v1/tubes/a/jobs HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n1';
    stuck.write(request);
    // 100 Continue: the gateway is in the middle of this request.
    await new Promise((resolve) => stuck.once('data', resolve));
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
  });

  test('a second one exits at once, with code 1, and all is ready again', async () => {
    const gateway = await start();
    const { id } = await hold(gateway, 'twice');
    gateway.signal('SIGTERM');
    await untilStopping(gateway);
    gateway.signal('SIGINT');
    expect(await gateway.exit).toEqual({ code: 1, signal: null });
    await poll('the job is ready again', async () => (await raw.stateOf(id)) === 'ready');
  });

  test("npm's echo of a signal is no second one", async () => {
    const gateway = await start({ npm_lifecycle_event: 'start' });
    const { reservation } = await hold(gateway, 'echo');
    gateway.signal('SIGINT');
    await poll('it stops', () => gateway.stdout.includes('SIGINT, stopping'));
    gateway.signal('SIGINT');
    expect((await gateway.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
    expect(await gateway.exit).toEqual(STOPPED);
  });

  test('SIGKILL: all is ready again', async () => {
    const gateway = await start();
    const { id } = await hold(gateway, 'killed');
    gateway.signal('SIGKILL');
    await poll('the job is ready again', async () => (await raw.stateOf(id)) === 'ready');
  });
});

test.each([
  ['thrown', 'setTimeout(() => { throw new Error("boom") })'],
  ['rejected', 'Promise.reject(new Error("boom"))'],
])('an error %s and not caught is logged, stops it without grace, and exits 1', async (kind, fault) => {
  const source = `process.once("SIGWINCH", () => { ${fault} })`;
  const gateway = await start({}, ['--import', `data:text/javascript,${encodeURIComponent(source)}`]);
  const { id } = await hold(gateway, `fatal-${kind}`);
  gateway.signal('SIGWINCH');
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stdout).toMatch(/^\{"level":60,.*"message":"boom"/m);
  await poll('the job is ready again', async () => (await raw.stateOf(id)) === 'ready');
});

describe('a beanstalkd of its own', () => {
  async function startOwn(): Promise<{ gateway: GatewayProcess; socket: string; dataDir: string }> {
    const dataDir = await mkdtemp(join(tmpdir(), 'gateway-test-'));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const gateway = await start({ BEANSTALKD_URL: 'own', DATA_DIR: dataDir });
    return { gateway, socket: join(dataDir, 'beanstalkd.sock'), dataDir };
  }

  const nothingLeft = (dataDir: string) =>
    poll('nothing is left', async () => (await processes(dataDir)).length === 0);

  test('lasts until what is held is settled, and ends with the gateway', async () => {
    const { gateway, socket, dataDir } = await startOwn();
    await gateway.call('POST', '/v1/tubes/last/jobs', 'held');
    const reservation = await gateway.reserve('last');
    gateway.signal('SIGTERM');
    await untilStopping(gateway);
    expect(await talk(socket, 'stats-job 1')).toContain('state: reserved');
    expect((await gateway.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
    expect(await gateway.exit).toEqual(STOPPED);
    expect(await processes(dataDir)).toEqual([]);
  });

  test.each(['SIGKILL', 'a second signal'])('ends with the gateway on %s', async (end) => {
    const { gateway, dataDir } = await startOwn();
    await gateway.call('POST', '/v1/tubes/last/jobs', 'held');
    await gateway.reserve('last');
    if (end === 'SIGKILL') gateway.signal('SIGKILL');
    else {
      gateway.signal('SIGTERM');
      await untilStopping(gateway);
      gateway.signal('SIGTERM');
    }
    await gateway.exit;
    await nothingLeft(dataDir);
  });

  test('killed, it comes back; down, /readyz says why without a path', async () => {
    const { gateway, socket, dataDir } = await startOwn();
    await gateway.call('POST', '/v1/tubes/kept/jobs', 'kept');
    await rm(join(dataDir, 'max-job-size'));
    // Nothing can be written over a folder, so every start fails until it is gone.
    await mkdir(join(dataDir, 'max-job-size'));
    process.kill(await pidBehind(socket), 'SIGKILL');
    await poll('it is not ready', async () => (await gateway.call('GET', '/readyz')).status === 503);
    const problem = await (await gateway.call('GET', '/readyz')).text();
    expect(problem).toMatch(/our own beanstalkd (ended \(killed by SIGKILL|does not start \(Error: EISDIR)/);
    expect(problem).not.toContain(dataDir);
    await rm(join(dataDir, 'max-job-size'), { recursive: true });
    await poll('it is ready', async () => (await gateway.call('GET', '/readyz')).status === 200, 15_000);
    expect(await (await gateway.call('GET', '/v1/jobs/1')).text()).toContain('"body":"kept"');
    gateway.signal('SIGTERM');
    expect(await gateway.exit).toEqual(STOPPED);
  });
});
