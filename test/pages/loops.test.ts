import { describe, expect } from 'vitest';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { type Desk, test } from './desk.ts';
import { hereOf } from './here.ts';
import type { Loop } from './loop.ts';
import { recipesOf } from './page.ts';
import { missing } from './programs.ts';

/** The loops wait for five seconds at most, and give curl eight; and a crowded machine is slow. */
const PATIENCE_MS = 30_000;
/** The longest test starts two gateways and waits for two faults to be noticed. */
const AT_MOST = { timeout: 120_000 };

/** Prints the job; fails with some, and works on others until it is told to go on. */
const HANDLE = `body=$(cat); echo "$body"
case $body in fail*) exit 1 ;; slow*) read -r _ <go ;; esac
`;

const scripts = new Map(recipesOf('docs/COOKBOOK.md').flatMap(({ files }) => [...files]));

function script(name: string, port: number): string {
  const text = scripts.get(name);
  if (text === undefined) throw new Error(`docs/COOKBOOK.md has no ${name}`);
  return hereOf(port)(text);
}

async function startWorker(desk: Desk, port: number): Promise<Loop> {
  await desk.write('handle.sh', HANDLE);
  return desk.loop(script('worker.sh', port), 'mail', 'sh', 'handle.sh');
}

/** Puts a job from behind, and resolves when it is done. */
async function work(worker: Loop, beanstalkd: Beanstalkd, body: string): Promise<void> {
  const raw = await beanstalkd.raw();
  const id = await raw.put('mail', body);
  await poll(`${body} is handled`, () => worker.stdout.includes(`${body}\n`), PATIENCE_MS);
  await poll(`${body} is done`, async () => (await raw.stateOf(id)) === undefined, PATIENCE_MS);
}

const untilComplaint = (loop: Loop, about: RegExp) =>
  poll(`it complains: ${about}`, () => about.test(loop.stderr), PATIENCE_MS);

const lackingCurl = missing(['curl']).length > 0;
const lackingJq = missing(['jq']).length > 0;
if (lackingCurl) console.log('skipped for want of curl: the loops of docs/COOKBOOK.md');
else if (lackingJq) console.log('skipped for want of jq: watch.sh of docs/COOKBOOK.md');

// They mostly wait, so they wait together.
describe.skipIf(lackingCurl).concurrent('worker.sh', AT_MOST, () => {
  test('a gateway that was killed is asked again when it is back, and one that froze as well', async ({
    sit,
    onTestFinished,
  }) => {
    const beanstalkd = await Beanstalkd.start();
    onTestFinished(() => beanstalkd.stop());
    const port = await freePort();
    const startGateway = async () => {
      const gateway = new GatewayProcess([], { BEANSTALKD_URL: beanstalkd.url, PORT: String(port) });
      onTestFinished(() => gateway.signal('SIGKILL'));
      await gateway.untilListening();
      return gateway;
    };
    const first = await startGateway();
    const worker = await startWorker(await sit(), port);
    await work(worker, beanstalkd, 'before');
    first.signal('SIGKILL');
    await untilComplaint(worker, /curl: \((7|52|56)\)/);
    const second = await startGateway();
    await work(worker, beanstalkd, 'after');
    second.signal('SIGSTOP');
    await untilComplaint(worker, /curl: \(28\)/);
    second.signal('SIGCONT');
    await work(worker, beanstalkd, 'thawed');
  });

  test('a beanstalkd that was away is worked for again when it is back', async ({ open, sit }) => {
    const { beanstalkd, calls } = await open();
    const worker = await startWorker(await sit(), calls.port);
    await work(worker, beanstalkd, 'before');
    await beanstalkd.kill();
    await untilComplaint(worker, /error: 50[34]/);
    await beanstalkd.run();
    await work(worker, beanstalkd, 'after');
  });

  test('a job that its command fails with is back after a while', async ({ open, sit }) => {
    const { calls, raw } = await open();
    const id = await raw.put('mail', 'fail', { priority: 7 });
    await startWorker(await sit(), calls.port);
    await poll('it is delayed', async () => (await raw.stateOf(id)) === 'delayed', PATIENCE_MS);
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ delay: '10', releases: '1', pri: '7' });
  });

  test('bytes reach the command as they were put', async ({ open, sit }) => {
    const { calls, raw } = await open();
    const id = await raw.put('mail', Buffer.from([0x00, 0x0d, 0x0a, 0xff, 0xfe, 0x00]));
    const desk = await sit();
    const worker = await desk.loop(script('worker.sh', calls.port), 'mail', 'od', '-An', '-tx1');
    await poll('it is done', async () => (await raw.stateOf(id)) === undefined, PATIENCE_MS);
    expect(worker.stdout).toBe(' 00 0d 0a ff fe 00\n');
  });

  test('SIGTERM ends it after the job at hand, and not before', async ({ open, sit }) => {
    const { calls, raw } = await open();
    const slow = await raw.put('mail', 'slow');
    const next = await raw.put('mail', 'next');
    const desk = await sit();
    await desk.shell().run('mkfifo go');
    const worker = await startWorker(desk, calls.port);
    await poll('it works', () => worker.stdout === 'slow\n', PATIENCE_MS);
    worker.signal('SIGTERM');
    expect(await raw.stateOf(slow)).toBe('reserved');
    await desk.write('go', '\n');
    expect(await worker.exit).toEqual({ code: 0, signal: null });
    expect(await raw.stateOf(slow)).toBeUndefined();
    expect(await raw.stateOf(next)).toBe('ready');
    expect(worker.stdout).toBe('slow\n');
  });

  test('SIGTERM while it waits ends it when the wait is over', async ({ open, sit }) => {
    const { calls, raw } = await open();
    const worker = await startWorker(await sit(), calls.port);
    await poll('it waits', async () => (await raw.stats('stats'))?.['current-waiting'] === '1', PATIENCE_MS);
    worker.signal('SIGTERM');
    expect(await worker.exit).toEqual({ code: 0, signal: null });
    expect(worker.stderr).toBe('');
  });
});

describe.skipIf(lackingCurl || lackingJq).concurrent('watch.sh', AT_MOST, () => {
  test('a line for each look, and none while there is no tube', async ({ open, sit }) => {
    const { calls, raw } = await open();
    const desk = await sit();
    const watch = await desk.loop(script('watch.sh', calls.port));
    const looks = async () => Number((await raw.stats('stats'))?.['cmd-stats-tube']);
    await poll('it looks in vain', async () => (await looks()) > 0, PATIENCE_MS);
    await raw.put('mail', 'one');
    await poll('it sees it', () => / ready 1 reserved 0 buried 0\n$/.test(watch.stdout), PATIENCE_MS);
    await raw.put('mail', 'two');
    await poll('it sees both', () => / ready 2 reserved 0 buried 0\n$/.test(watch.stdout), PATIENCE_MS);
    expect(watch.stdout).toMatch(/^(?:\S+Z ready [12] reserved 0 buried 0\n)+$/);
  });
});
