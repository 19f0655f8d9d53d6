import { describe, expect, test } from 'vitest';
import { serverFigure } from '../pool/house.ts';
import { poll } from '../support/beanstalkd.ts';
import { LOOPBACK } from '../support/place.ts';
import type { Link, Meddle } from './byte-proxy.ts';
import { HandCaller } from './hand-caller.ts';
import type { Answer } from './http.ts';
import { jsonOf, type Reservation, saying, until } from './laboratory.ts';
import { Proxied } from './proxied.ts';

const ENDINGS = ['delete', 'release', 'bury'] as const;
const SETTLES = [...ENDINGS, 'touch'] as const;
type Settle = (typeof SETTLES)[number];

/** What beanstalkd answers to a settle that it carried out, and what the job is then. */
const ANSWERS = { delete: 'DELETED', release: 'RELEASED', bury: 'BURIED', touch: 'TOUCHED' } as const;
const STATES = { delete: undefined, release: 'ready', bury: 'buried' } as const;

const NO_LONGER = { status: 410, type: 'reservation-ended', outcome: 'none' };
const JSON_FORM = { 'content-type': 'application/json' };

const requestOf = (settle: Settle, { reservation }: Reservation): [method: string, path: string] =>
  settle === 'delete'
    ? ['DELETE', `/v1/reservations/${reservation}`]
    : ['POST', `/v1/reservations/${reservation}/${settle}`];

const settle = (house: Proxied, how: Settle, reservation: Reservation): Promise<Answer> =>
  house.call(...requestOf(how, reservation));

function settleAll(house: Proxied, settles: readonly (readonly [Settle, Reservation])[]): Promise<Answer> {
  const items = settles.map(([action, { reservation }]) => ({ action, reservation }));
  const body = JSON.stringify({ settle: items });
  return house.call('POST', '/v1/reservations/batch', { headers: JSON_FORM, body });
}

/** That it did nothing, and why. */
function expectEnded(answer: Answer, reason: string): void {
  expect(saying(answer)).toEqual(NO_LONGER);
  expect(jsonOf(answer)).toMatchObject({ reason });
}

/** All that was ever done to a job. */
async function pastOf({ raw }: Proxied, id: string): Promise<object> {
  const { state, reserves, timeouts, releases, buries } = (await raw.stats(`stats-job ${id}`)) ?? {};
  return { state, reserves, timeouts, releases, buries };
}

/** Its TTR ran out once, it was taken by the next one, and that is all. */
const HELD_BY_NEXT = { state: 'reserved', reserves: '2', timeouts: '1', releases: '0', buries: '0' };

const TTR = 3;

/**
 * Nothing passes between the gateway and beanstalkd until the TTR of what was reserved just now is over. Meanwhile
 * the next one asks for those jobs, and behind that, on the same connection, the former holder settles.
 */
async function acrossTheExpiry(
  house: Proxied,
  ids: readonly string[],
  settleLate: () => Promise<Answer>,
): Promise<{ next: Reservation[]; late: Answer }> {
  const { beanstalkd, proxy, raw, gateway } = house;
  const from = performance.now();
  proxy.stall();
  // beanstalkd may forget to look when a TTR runs out; asked something after a pause, it does look.
  beanstalkd.signal('SIGSTOP');
  raw.write('list-tube-used\r\n');
  // Not before: a job whose TTR may have run out on its way would be given to nobody.
  await until(from + (TTR * 1_000) / 2);
  const next = house.reserve('t', `?deadlineMs=5000&count=${ids.length}`);
  await poll('the next one has asked', () => gateway.pool.snapshot().waiters === 1);
  const late = settleLate();
  const alone = { holding: 1, waiting: 0, idle: 0, dialing: 0 };
  expect(gateway.pool.snapshot().connections).toMatchObject(alone);
  await until(from + TTR * 1_000 + 100);
  beanstalkd.signal('SIGCONT');
  await raw.line();
  for (const id of ids) expect(await raw.stateOf(id)).toBe('ready');
  proxy.resume();
  return { next: await next, late: await late };
}

/** From here on, what beanstalkd answers to such a settle is handed to `loseIt` instead of to the gateway. */
function loseAnswersTo({ proxy }: Proxied, how: Settle, loseIt: Meddle): void {
  proxy.meddle = (reply, link) => (reply.includes(ANSWERS[how]) ? loseIt(reply, link) : reply);
}

/** Now that it was ended like this, somebody else takes the job, where there still is one. */
async function handOn(house: Proxied, ending: 'delete' | 'release' | 'bury', id: string): Promise<void> {
  expect(await house.raw.stateOf(id)).toBe(STATES[ending]);
  if (ending === 'delete') return;
  if (ending === 'bury') await house.raw.command(`kick-job ${id}`);
  await house.reserveOne('t', '?timeout=2');
}

describe.concurrent('after the expiry', () => {
  for (const how of SETTLES) {
    test(`a ${how} leaves the next holder alone`, async (context) => {
      const house = await Proxied.open(context);
      const id = await house.raw.put('t', 'x', { ttr: 1 });
      const first = await house.reserveOne('t');
      const second = await house.reserveOne('t', '?timeout=5');
      const touches = await serverFigure(house.raw, 'cmd-touch');
      const late = await settle(house, how, first);
      expectEnded(late, 'expired');
      expect(await serverFigure(house.raw, 'cmd-touch')).toBe(touches);
      expect(await pastOf(house, id)).toEqual(HELD_BY_NEXT);
      expect((await settle(house, 'delete', second)).status).toBe(204);
    });

    test(`a ${how} that waited behind the reserve of the next holder leaves it alone`, async (context) => {
      const house = await Proxied.open(context);
      const id = await house.raw.put('t', 'x', { ttr: TTR });
      const first = await house.reserveOne('t');
      const { next, late } = await acrossTheExpiry(house, [id], () => settle(house, how, first));
      expect(next.map(({ job }) => job.id)).toEqual([id]);
      expectEnded(late, 'expired');
      expect(await serverFigure(house.raw, 'cmd-touch')).toBe(0);
      expect(await pastOf(house, id)).toEqual(HELD_BY_NEXT);
      for (const second of next) expect((await settle(house, 'delete', second)).status).toBe(204);
    });
  }

  test('of a batch that waited there, those that were live are settled, and the late ones are not', async (context) => {
    const house = await Proxied.open(context);
    const late: string[] = [];
    for (let n = 0; n < 4; n += 1) late.push(await house.raw.put('t', `${n}`, { ttr: TTR }));
    const [deleted, released] = [await house.raw.put('live', 'd'), await house.raw.put('live', 'r')];
    const [live1, live2] = await house.reserve('live', '?count=2');
    const [late1, late2, late3, late4] = await house.reserve('t', '?count=4');
    if (!live1 || !live2 || !late1 || !late2 || !late3 || !late4) throw new Error('too few');
    const { next, late: answer } = await acrossTheExpiry(house, late, () =>
      settleAll(house, [
        ['delete', late1],
        ['delete', live1],
        ['release', late2],
        ['bury', late3],
        ['release', live2],
        ['touch', late4],
      ]),
    );
    const { results } = jsonOf(answer) as { results: { status: number; reason?: string }[] };
    expect(results.map(({ status, reason }) => reason ?? status)).toEqual([
      'expired',
      204,
      'expired',
      'expired',
      204,
      'expired',
    ]);
    expect(next.map(({ job }) => job.id).sort()).toEqual(late.sort());
    for (const id of late) expect(await pastOf(house, id)).toEqual(HELD_BY_NEXT);
    expect(await house.raw.stateOf(deleted)).toBeUndefined();
    expect(await house.raw.stateOf(released)).toBe('ready');
  });
});

/** What beanstalkd says on a connection from the first of these words on comes together with the second one. */
function sayTogether({ proxy }: Proxied, first: string, second: string): void {
  let joined: Link | undefined;
  let held = '';
  proxy.meddle = (reply, link) => {
    const said = reply.toString('latin1');
    if (said.includes(first)) joined = link;
    if (link !== joined) return reply;
    held += said;
    if (held.includes(second)) {
      proxy.meddle = undefined;
      link.gateway.write(held);
    }
    return undefined;
  };
}

test('a touch in the last moment counts, although its answer comes together with that of the poke', async (context) => {
  const house = await Proxied.open(context);
  const id = await house.raw.put('t', 'x', { ttr: TTR });
  const first = await house.reserveOne('t');
  const from = performance.now();
  sayTogether(house, 'TOUCHED', 'time-left');
  await until(from + TTR * 1_000 - 200);
  expect((await settle(house, 'touch', first)).status).toBe(200);
  expect(performance.now() - from).toBeGreaterThan(TTR * 1_000);
  expect(await house.raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'reserved', timeouts: '0' });
  expect((await settle(house, 'delete', first)).status).toBe(204);
});

test('a release is one, although its answer comes together with the job for the next holder', async (context) => {
  const house = await Proxied.open(context);
  const id = await house.raw.put('t', 'x', { ttr: 600 });
  const first = await house.reserveOne('t');
  sayTogether(house, 'RELEASED', 'RESERVED');
  const [released, second] = await Promise.all([settle(house, 'release', first), house.reserveOne('t')]);
  expect(released.status).toBe(204);
  expect(second.job.id).toBe(id);
  expect((await settle(house, 'release', first)).status).toBe(204);
  expect(await house.raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'reserved', releases: '1' });
  expect((await settle(house, 'delete', second)).status).toBe(204);
});

describe('after beanstalkd was restarted without a binlog, with ids that begin again', () => {
  for (const how of SETTLES) {
    test(`a ${how} of the former holder leaves the new job of that id alone`, async (context) => {
      const house = await Proxied.open(context);
      const id = await house.raw.put('t', 'old');
      const first = await house.reserveOne('t');
      await house.beanstalkd.kill();
      await house.beanstalkd.run();
      const raw = await house.beanstalkd.raw();
      expect(await raw.put('t', 'new')).toBe(id);
      const second = await house.reserveOne('t', '?timeout=5');
      expect(second.body).toBe('new');
      for (const state of ['reserved', 'ready']) {
        const late = await settle(house, how, first);
        expectEnded(late, 'connection-lost');
        expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state, reserves: '1', buries: '0' });
        if (state === 'reserved') expect((await settle(house, 'release', second)).status).toBe(204);
      }
    });

    test(`so does a ${how} that was under way when it died, asked again`, async (context) => {
      const house = await Proxied.open(context);
      const id = await house.raw.put('t', 'old', { ttr: 600 });
      const first = await house.reserveOne('t');
      const answered = new Promise<void>((resolve) => loseAnswersTo(house, how, () => void resolve()));
      const under = settle(house, how, first);
      await answered;
      await house.beanstalkd.kill();
      await house.beanstalkd.run();
      expect(saying(await under)).toEqual({
        status: 502,
        type: 'beanstalkd-connection-lost',
        outcome: 'unknown',
      });
      const raw = await house.beanstalkd.raw();
      expect(await raw.put('t', 'new')).toBe(id);
      const late = await settle(house, how, first);
      expectEnded(late, how === 'touch' ? 'connection-lost' : 'unknown');
      await poll('it is there again', async () => (await house.call('GET', '/readyz')).status === 200);
      expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
    });
  }
});

/** How the answer of beanstalkd to a settle is lost, and what is said of it. */
const LOSSES: readonly (readonly [how: string, loseIt: Meddle, said: object])[] = [
  ['was never heard', () => undefined, { status: 504, type: 'beanstalkd-timeout', outcome: 'unknown' }],
  [
    'was lost with its connection',
    (_, { gateway }) => void gateway.resetAndDestroy(),
    { status: 502, type: 'beanstalkd-connection-lost', outcome: 'unknown' },
  ],
];

describe('a settle whose answer', () => {
  for (const how of ENDINGS) {
    for (const [loss, loseIt, said] of LOSSES) {
      test(`${loss} is not done again when asked again: ${how}`, async (context) => {
        const house = await Proxied.open(context, { commandTimeoutMs: 500 });
        const id = await house.raw.put('t', 'x', { ttr: 600 });
        const first = await house.reserveOne('t');
        loseAnswersTo(house, how, loseIt);
        const lost = await settle(house, how, first);
        expect(saying(lost)).toEqual(said);
        expect(lost.took).toBeLessThan(750);
        house.proxy.meddle = undefined;
        await handOn(house, how, id);
        const left = await pastOf(house, id);
        const again = await settle(house, how, first);
        expectEnded(again, 'unknown');
        expect(await pastOf(house, id)).toEqual(left);
      });
    }

    test(`never reached its caller is not done again when asked again: ${how}`, async (context) => {
      const house = await Proxied.open(context);
      const id = await house.raw.put('t', 'x', { ttr: 600 });
      const first = await house.reserveOne('t');
      const caller = await HandCaller.from(LOOPBACK, house.gateway.url);
      caller.says(`${requestOf(how, first).join(' ')} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
      caller.leave();
      await poll('it is done', () => house.gateway.pool.snapshot().endings === 1);
      await handOn(house, how, id);
      const left = await pastOf(house, id);
      expect((await settle(house, how, first)).status).toBe(204);
      expect(await pastOf(house, id)).toEqual(left);
    });
  }

  for (const [loss, loseIt, said] of LOSSES) {
    test(`${loss} ends the reservation: touch`, async (context) => {
      const house = await Proxied.open(context, { commandTimeoutMs: 500 });
      const id = await house.raw.put('t', 'x', { ttr: 600 });
      const first = await house.reserveOne('t');
      loseAnswersTo(house, 'touch', loseIt);
      expect(saying(await settle(house, 'touch', first))).toEqual(said);
      house.proxy.meddle = undefined;
      const again = await settle(house, 'touch', first);
      expectEnded(again, 'connection-lost');
      await poll('it is ready again', async () => (await house.raw.stateOf(id)) === 'ready', 2_000);
    });
  }
});
