import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ByteProxy } from '../faults/byte-proxy.ts';
import { type House, openHouse } from '../routes/calls.ts';
import { openKeyedForTest } from '../routes/keyed-house.ts';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import type { Exit } from '../support/gateway-process.ts';
import { startListening } from '../support/processes.ts';
import { HeldWork, isAlive } from './held-work.ts';
import { isThere, type Recipe } from './recipe.ts';
import { Worker, type WorkerSettings } from './worker.ts';

const STOPPED: Exit = { code: 0, signal: null };
const NO_TEXT = Buffer.from([0x00, 0xff, 0xfe, 0x0d, 0x0a, 0xc3, 0x28, 0x0a]);
/** More than a pipe holds. */
const LARGE = Buffer.alloc(300_000, 0xfe);

/** What every worker of `examples/` has to do. */
export function testWorker(recipe: Recipe): void {
  describe.skipIf(!isThere(recipe))(`the worker in ${recipe.language}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'worker-'));
    let house: House;

    beforeAll(async () => {
      house = await openHouse({ args: ['-z', '1000000'] });
      if (recipe.build !== undefined) {
        const [program = '', ...args] = recipe.build.command(folder);
        execFileSync(program, args, { cwd: recipe.build.in, stdio: ['ignore', 'ignore', 'inherit'] });
      }
    }, 120_000);

    afterAll(async () => {
      await house.close();
      rmSync(folder, { recursive: true });
    });

    function start(work: readonly string[], settings: Partial<WorkerSettings> & { tubes: string }): Worker {
      return new Worker(recipe.run(folder), work, { gateway: house.gateway.url, ...settings });
    }

    const untilGone = (id: string) =>
      poll(`job ${id} is gone`, async () => (await house.raw.stateOf(id)) === undefined, 10_000);

    const until = (id: string, state: string, delay: number) =>
      poll(`job ${id} is ${state} with delay ${delay}`, async () => {
        const stats = await house.raw.stats(`stats-job ${id}`);
        return stats?.['state'] === state && stats['delay'] === String(delay);
      });

    const untilWaiting = ({ raw }: Pick<House, 'raw'>, tube: string) =>
      poll('the worker waits', async () => {
        return (await raw.stats(`stats-tube ${tube}`))?.['current-waiting'] === '1';
      });

    test('does the jobs of its tubes, byte for byte, and deletes them', async () => {
      const bodies = [NO_TEXT, Buffer.alloc(0), LARGE, Buffer.from('the last')];
      const tubes = ['odd+(n/a;m.e)$', 'other'];
      const ids: string[] = [];
      for (const [n, body] of bodies.entries()) ids.push(await house.raw.put(tubes[n % 2] ?? '', body));
      // Slow to begin with: more than a pipe holds has to wait for it.
      const worker = start(['sh', '-c', 'sleep 0.3; exec cat'], { tubes: tubes.join(',') });
      for (const id of ids) await untilGone(id);
      expect(worker.stdout.equals(Buffer.concat(bodies))).toBe(true);
      await worker.logs(`job ${ids[0]} of ${tubes[0]}: done`);
    });

    test('gives a failing job back, for longer each time, and buries it in the end', async () => {
      const id = await house.raw.put('failing', LARGE, { priority: 7 });
      start(['false'], { tubes: 'failing', maxTries: 3 });
      for (const delay of [5, 10]) {
        await until(id, 'delayed', delay);
        await house.raw.command(`kick-job ${id}`);
      }
      await until(id, 'buried', 10);
      expect(await house.raw.stats(`stats-job ${id}`)).toMatchObject({
        pri: '7',
        reserves: '3',
        releases: '2',
      });
    });

    test('keeps a job for longer than its ttr, and does it once', async () => {
      const work = new HeldWork();
      const id = await house.raw.put('long', '', { ttr: 1 });
      const worker = start(work.command, { tubes: 'long' });
      await work.begun(worker);
      await poll('two ttr have passed', async () => {
        return Number((await house.raw.stats(`stats-job ${id}`))?.['age']) > 2;
      });
      const stats = await house.raw.stats(`stats-job ${id}`);
      expect(stats).toMatchObject({ state: 'reserved', reserves: '1', timeouts: '0' });
      work.end();
      await untilGone(id);
      await worker.logs(`job ${id} of long: done`);
    });

    test('stops the work of a job that is no longer its own, and goes on with others', async () => {
      const other = await openHouse();
      onTestFinished(() => other.close());
      const work = new HeldWork();
      const id = await other.raw.put('taken', '', { ttr: 1 });
      const worker = start(work.command, { gateway: other.gateway.url, tubes: 'taken' });
      const pid = await work.begun(worker);
      await other.beanstalkd.kill();
      await worker.logs(`job ${id} of taken: no longer ours, left alone`);
      expect(await isAlive(pid)).toBe(false);
      await other.beanstalkd.run();
      const raw = await other.beanstalkd.raw();
      const next = await raw.put('taken', '');
      work.end();
      await worker.logs(`job ${next} of taken: done`);
    });

    test('tells again that a job is done when the answer was lost', async () => {
      const proxy = await ByteProxy.start({ host: '127.0.0.1', port: house.calls.port });
      onTestFinished(() => proxy.close());
      const work = new HeldWork();
      const id = await house.raw.put('unanswered', '');
      const gateway = proxy.url.replace('beanstalkd:', 'http:');
      const worker = start(work.command, { gateway, tubes: 'unanswered' });
      await work.begun(worker);
      proxy.meddle = (_answer, { gateway: caller }) => {
        proxy.meddle = undefined;
        caller.resetAndDestroy();
        return undefined;
      };
      work.end();
      await worker.logs('; again in ');
      await worker.logs(`job ${id} of unanswered: done\n`);
      expect(await house.raw.stateOf(id)).toBeUndefined();
    });

    test('goes on when the gateway was away', async () => {
      const beanstalkd = await Beanstalkd.start();
      onTestFinished(() => beanstalkd.stop());
      const raw = await beanstalkd.raw();
      const env = { BEANSTALKD_URL: beanstalkd.url, PORT: String(await freePort()) };
      const first = await startListening([], env);
      const worker = start(['cat'], { gateway: first.url, tubes: 'patient' });
      await untilWaiting({ raw }, 'patient');
      first.signal('SIGTERM');
      await first.exit;
      await worker.logs('no answer');
      await startListening([], env);
      const id = await raw.put('patient', 'late');
      await worker.logs(`job ${id} of patient: done`);
      expect(worker.stdout.toString()).toBe('late');
    });

    describe('told to stop', () => {
      test.each(['SIGTERM', 'SIGINT'] as const)('by %s while it waits: at once', async (signal) => {
        const tube = `idle-${signal}`;
        const worker = start(['cat'], { tubes: tube });
        await untilWaiting(house, tube);
        const from = performance.now();
        worker.signal(signal);
        expect(await worker.exit).toEqual(STOPPED);
        expect(performance.now() - from).toBeLessThan(3_000);
        const id = await house.raw.put(tube, 'for nobody');
        expect(await house.raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
      });

      test('while it works: when the job is done', async () => {
        const work = new HeldWork();
        const id = await house.raw.put('stopping', '');
        const next = await house.raw.put('stopping', '');
        const worker = start(work.command, { tubes: 'stopping' });
        const pid = await work.begun(worker);
        worker.signal('SIGTERM');
        work.end();
        expect(await worker.exit).toEqual(STOPPED);
        expect(await isAlive(pid)).toBe(false);
        expect(await house.raw.stateOf(id)).toBeUndefined();
        expect(await house.raw.stateOf(next)).toBe('ready');
      });

      test('twice while it works: the job is given back', async () => {
        const work = new HeldWork();
        const id = await house.raw.put('hurried', '');
        const worker = start(work.command, { tubes: 'hurried' });
        const pid = await work.begun(worker);
        worker.signal('SIGTERM');
        expect(await isAlive(pid)).toBe(true);
        // Another one, because the system keeps one of the same that nobody has taken yet.
        worker.signal('SIGINT');
        expect(await worker.exit).toEqual(STOPPED);
        expect(await isAlive(pid)).toBe(false);
        const stats = await house.raw.stats(`stats-job ${id}`);
        expect(stats).toMatchObject({ state: 'ready', releases: '1', delay: '0' });
      });
    });

    describe('with keys', () => {
      test('ends with one line where its own is refused', async () => {
        const keyed = await openKeyedForTest({});
        const worker = start(['cat'], { gateway: keyed.gateway.url, tubes: 'closed', key: 'wrong' });
        expect((await worker.exit).code).toBe(1);
        expect(worker.stderr).toMatch(/^refused, 401: .*\n$/);
      });

      test('waits for as long as a limit asks it to', async () => {
        const keyed = await openKeyedForTest({
          slow: { rights: ['consume'], tubes: ['*'], ratePerSecond: 1 },
        });
        for (const body of ['a', 'b']) await keyed.raw.put('limited', body);
        const key = keyed.file.headers('slow').authorization.replace('Bearer ', '');
        const worker = start(['cat'], { gateway: keyed.gateway.url, tubes: 'limited', key });
        await worker.logs('job 2 of limited: done');
        expect(worker.stdout.toString()).toBe('ab');
        const waits = worker.stderr.match(/^429: .*$/gm) ?? [];
        expect(waits).not.toEqual([]);
        for (const wait of waits) expect(wait).toMatch(/; again in 1(\.0)? s$/);
      });
    });
  });
}
