import { describe, expect, type TestContext, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { jsonOf, Laboratory, reservationsIn, saying, until } from './laboratory.ts';
import { type Host, Network, whyNoNetwork } from './network.ts';

const why = whyNoNetwork();
if (why !== undefined) console.warn(`cut-link.test.ts is skipped: ${why}`);

const TIMEOUT_UNKNOWN = { status: 504, type: 'beanstalkd-timeout', outcome: 'unknown' };
const TIMEOUT_NONE = { status: 504, type: 'beanstalkd-timeout', outcome: 'none' };

/** The gateway and beanstalkd on hosts of their own; what is cut is beanstalkd's. */
async function open({
  onTestFinished,
}: TestContext): Promise<{ lab: Laboratory; gateway: Host; link: Host }> {
  const network = await Network.open();
  onTestFinished(() => network.close());
  const gateway = await network.host();
  const link = await network.host();
  return { lab: await Laboratory.open({ gateway, server: link }, onTestFinished), gateway, link };
}

/** Milliseconds until a put goes through; those before it are refused at once. */
async function untilPut(lab: Laboratory): Promise<number> {
  const from = performance.now();
  await poll('a put goes through', async () => (await lab.put('healed')).status === 201);
  return performance.now() - from;
}

describe.skipIf(why !== undefined).concurrent('a link cut without a FIN', () => {
  for (const [seconds, put] of [
    [6, 'afterwards'],
    // Longer than a keepalive would take, and beanstalkd gives it to the wait that it cannot reach.
    [24, 'meanwhile'],
  ] as const) {
    test(`for ${seconds} s, while several wait: each is answered by its deadline, and the one with time left gets the job put ${put}`, async (context) => {
      const { lab, link } = await open(context);
      const long = lab.reserve('t', '?timeout=60');
      await lab.untilWaiting('t');
      const before = lab.reserve('t', '?timeout=2');
      const beforeToo = lab.reserve('t', '?timeout=3&deadlineMs=2500');
      await lab.untilFigure('waiters', 3);
      // What is not answered is acknowledged late; with nothing under way, a keepalive would find the link dead.
      await until(performance.now() + 300);
      await link.cut();
      const cutAt = performance.now();
      const during = lab.reserve('t', '?timeout=1');
      for (const [asked, deadlineMs] of [
        [before, 4_000],
        [beforeToo, 2_500],
        [during, 3_000],
      ] as const) {
        const answer = await asked;
        expect(saying(answer)).toMatchObject({ status: 504, type: 'beanstalkd-timeout' });
        expect(answer.took).toBeLessThan(deadlineMs + 250);
      }
      expect(await lab.figure('waiters')).toBe(1);
      if (put === 'meanwhile') await lab.raw.put('t', 'x');
      await until(cutAt + seconds * 1_000);
      await link.heal();
      const healedAt = performance.now();
      if (put === 'afterwards') await lab.raw.put('t', 'x');
      const [taken] = reservationsIn(await long);
      expect(taken?.body).toBe('x');
      expect(performance.now() - healedAt).toBeLessThan(2_500);
    }, 60_000);
  }

  test('a dead connection that holds a job is gone within 25 s although nobody calls; healed, the job is ready at once', async (context) => {
    const { lab, link } = await open(context);
    const id = await lab.raw.put('t', 'x', { ttr: 600 });
    const { reservation } = await lab.reserveOne('t');
    await link.cut();
    await lab.untilFigure('connections{kind="holding"}', 0, 25_000);
    const gone = await lab.call('GET', `/v1/reservations/${reservation}`);
    expect(jsonOf(gone)).toMatchObject({ status: 410, reason: 'connection-lost' });
    // A FIN that TCP repeats would come this much later again; and a keepalive would have left nothing to end.
    await until(performance.now() + 10_000);
    await link.heal();
    await lab.untilState(id, 'ready', 2_000);
  }, 60_000);

  test('a job that beanstalkd gives to a wait that was hung up meanwhile is back as soon as the link is', async (context) => {
    const { lab, gateway, link } = await open(context);
    const caller = await gateway.dial(Number(new URL(lab.gateway.url).port), '127.0.0.1');
    caller.write('POST /v1/tubes/t/reservations?timeout=60 HTTP/1.1\r\nHost: gateway\r\n\r\n');
    await lab.untilWaiting('t');
    await link.cut();
    const cutAt = performance.now();
    caller.destroy();
    const id = await lab.raw.put('t', 'x');
    expect(await lab.raw.stateOf(id)).toBe('reserved');
    // Deep in the growing distances at which TCP repeats what it sent.
    await until(cutAt + 8_000);
    await link.heal();
    await lab.untilState(id, 'ready', 2_000);
  }, 60_000);

  test('healed, calls go through again within 2 s, however long it lasted', async (context) => {
    const { lab, link } = await open(context);
    await untilPut(lab);
    for (const seconds of [1, 7, 12]) {
      await link.cut();
      await until(performance.now() + seconds * 1_000);
      await link.heal();
      expect(await untilPut(lab)).toBeLessThan(2_000);
    }
  }, 60_000);

  test('with puts under way: unknown where one was sent, none where it was not, and in time', async (context) => {
    const { lab, link } = await open(context);
    await lab.put('t', 'warm');
    await link.cut();
    const puts = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => ({ body: `${n}`, answer: await lab.put('t', `${n}`) })),
    );
    for (const { answer } of puts) {
      expect([TIMEOUT_UNKNOWN, TIMEOUT_NONE]).toContainEqual(saying(answer));
      expect(answer.took).toBeLessThan(5_250);
    }
    const unknown = puts.filter(({ answer }) => saying(answer).outcome === 'unknown').map(({ body }) => body);
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.length).toBeLessThanOrEqual(128);
    await link.heal();
    await untilPut(lab);
    const there: string[] = [];
    for (let job = await lab.raw.reserve('t'); job !== undefined; job = await lab.raw.reserve('t'))
      there.push(job.body.toString());
    expect(['warm', ...unknown]).toEqual(expect.arrayContaining(there));
  }, 60_000);
});
