import { describe, expect, type TestContext, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { ask } from './departures.ts';
import { HandCaller } from './hand-caller.ts';
import { call } from './http.ts';
import { Laboratory, type Reservation, reservationsIn } from './laboratory.ts';
import { type Host, Network, whyNoNetwork } from './network.ts';

const why = whyNoNetwork();
if (why !== undefined) console.warn(`vanished-poller.test.ts is skipped: ${why}`);

/** The shortest: a silent machine is found after a second and ten probes, a second apart. */
const KEEPALIVE = { KEEPALIVE_DELAY_MS: '1000' };
const FOUND_WITHIN_MS = 12_000;

const WAITING = '/v1/tubes/t/reservations?timeout=60';

interface Scene {
  readonly lab: Laboratory;
  /** The machine of the poller that vanishes. */
  readonly machine: Host;
  /** Sends a reserve from there; the answer is never read. */
  askFromThere(): Promise<void>;
  /** The job that somebody gets who waits elsewhere. */
  askFromElsewhere(): Promise<Reservation>;
}

/** The gateway with its beanstalkd, the poller that vanishes and the one that lives: three hosts. */
async function open({ onTestFinished }: TestContext, ...args: string[]): Promise<Scene> {
  const network = await Network.open();
  onTestFinished(() => network.close());
  const [gateway, machine, elsewhere] = [await network.host(), await network.host(), await network.host()];
  const env = { HOST: gateway.address, ALLOW_ANONYMOUS: 'true', ...KEEPALIVE };
  const lab = await Laboratory.open({ gateway, server: gateway, env, args }, onTestFinished);
  return {
    lab,
    machine,
    askFromThere: async () => {
      const caller = await HandCaller.from(machine, lab.gateway.url);
      onTestFinished(() => caller.leave());
      caller.says(ask(WAITING));
    },
    askFromElsewhere: async () => {
      const [one] = reservationsIn(await call(elsewhere, lab.gateway.url, 'POST', WAITING));
      if (one === undefined) throw new Error('no job came');
      return one;
    },
  };
}

/**
 * The first in line vanishes, and a job comes before that is known; it lasts until its TTR, and not a second longer.
 * `next` is what the one that lives gets then.
 */
async function giveToVanished(
  { lab, machine, askFromThere, askFromElsewhere }: Scene,
  body: Buffer,
): Promise<{ id: string; next: Promise<Reservation> }> {
  await askFromThere();
  await lab.untilFigure('waiters', 1);
  const next = askFromElsewhere();
  await lab.untilFigure('waiters', 2);
  await machine.cut();
  const from = performance.now();
  const id = await lab.raw.put('t', body, { ttr: 3 });
  await lab.untilFigure('waiters', 1);
  const to = performance.now();
  const over = async () => (await lab.raw.stats(`stats-job ${id}`))?.['timeouts'] === '1';
  await poll('its TTR is over', over, 4_000);
  expect(performance.now()).toBeGreaterThanOrEqual(from + 3_000);
  expect(performance.now()).toBeLessThan(to + 4_000);
  return { id, next };
}

describe.skipIf(why !== undefined).concurrent('a poller whose machine vanishes without a FIN', () => {
  test('is found by keepalive, and the next job goes to the one that lives', async (context) => {
    const { lab, machine, askFromThere, askFromElsewhere } = await open(context);
    await askFromThere();
    await lab.untilFigure('waiters', 1);
    const living = askFromElsewhere();
    await lab.untilFigure('waiters', 2);
    await machine.cut();
    await lab.untilFigure('waiters', 1, FOUND_WITHIN_MS);
    const id = await lab.raw.put('t', 'x');
    expect((await living).job).toMatchObject({ id, reserves: 1 });
    expect(await lab.figure('reservations')).toBe(1);
  });

  test('before that it is given one job, for a TTR and no longer', async (context) => {
    const scene = await open(context);
    const { lab } = scene;
    const { id, next } = await giveToVanished(scene, Buffer.from('x'));
    expect((await next).job).toMatchObject({ id, reserves: 2, timeouts: 1, releases: 0 });
    await lab.untilFigure('reservations', 1, 1_000);
    expect(await lab.figure('body_bytes')).toBe(0);
  });

  test('nor longer than a TTR if the kernel took its answer only in part', async (context) => {
    const scene = await open(context, '-z', '20000000');
    const { id, next } = await giveToVanished(scene, Buffer.alloc(12_000_000, 'x'));
    const { job, body } = await next;
    expect(job).toMatchObject({ id, reserves: 2, timeouts: 1, releases: 0 });
    expect(body).toHaveLength(12_000_000);
  });
});
