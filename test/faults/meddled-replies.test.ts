import { describe, expect, test } from 'vitest';
import { serverFigure } from '../pool/house.ts';
import { poll } from '../support/beanstalkd.ts';
import type { Link } from './byte-proxy.ts';
import type { Answer } from './http.ts';
import { jsonOf, saying } from './laboratory.ts';
import { closing, FAULTY, fallingSilent, holdBack, type Say, sayingInstead } from './meddling.ts';
import { Proxied } from './proxied.ts';

const QUICK = { commandTimeoutMs: 1_000 };
const IN_TIME_MS = QUICK.commandTimeoutMs + 250;
/** Under way at once. */
const CALLS = 20;

const LOST = { status: 502, type: 'beanstalkd-connection-lost', outcome: 'unknown' };
const NO_PROTOCOL = { status: 502, type: 'beanstalkd-protocol-error', outcome: 'unknown' };
const SILENT = { status: 504, type: 'beanstalkd-timeout', outcome: 'unknown' };

const INSERTED = /INSERTED \d+\r\n/g;
const RESERVED = /RESERVED \d+ \d+\r\n.*\r\n/g;
const DELETED = /DELETED\r\n/g;

const GARBAGE = [
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n'],
  ['bytes without a line end', '\xff\x00'.repeat(200)],
  ['a line without its CR', 'INSERTED 7\n'],
  ['an id that is no number', 'INSERTED 7x\r\n'],
  ['without an id', 'INSERTED\r\n'],
  ['the reply to a bury', 'BURIED\r\n'],
  ['the reply to a delete', 'DELETED\r\n'],
  ['a job', 'FOUND 1 4\r\nwarm\r\n'],
  ['statistics', 'OK 7\r\n---\nx: \r\n'],
  ['a refusal of the line', 'BAD_FORMAT\r\n'],
  ['a refusal of the body', 'EXPECTED_CRLF\r\n'],
] as const;

const atOnce = <T>(call: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: CALLS }, (_, n) => call(n)));

interface Put {
  readonly body: string;
  readonly answer: Answer;
}

const putAtOnce = (house: Proxied, name: string): Promise<Put[]> =>
  atOnce(async (n) => ({ body: `${name} ${n}`, answer: await house.put('t', `${name} ${n}`) }));

/** Puts that are all under way on one connection when `say` says what becomes of their replies. */
async function putMeddled(house: Proxied, name: string, say: Say): Promise<Put[]> {
  expect((await house.put('t', name)).status).toBe(201);
  holdBack(house.proxy, INSERTED, CALLS, say);
  return putAtOnce(house, name);
}

/** What beanstalkd has: the id of each body. */
async function idsByBody({ raw }: Proxied): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const last = await serverFigure(raw, 'total-jobs');
  for (let id = 1; id <= last; id += 1) {
    const [word, , length] = (await raw.command(`peek ${id}`)).split(' ');
    if (word === 'FOUND') ids.set((await raw.bytes(Number(length))).toString(), `${id}`);
  }
  return ids;
}

/** The first ones have the id of their own job, and all others are told this, in time. */
async function expectOwn(house: Proxied, puts: readonly Put[], count: number, others: object): Promise<void> {
  const ids = await idsByBody(house);
  const told = puts.slice(0, count).map(({ answer }) => (jsonOf(answer) as { id?: string }).id);
  expect(told).toEqual(puts.slice(0, count).map(({ body }) => ids.get(body)));
  expectAll(
    puts.slice(count).map(({ answer }) => answer),
    others,
  );
}

function expectAll(answers: readonly Answer[], said: object): void {
  for (const answer of answers) {
    expect(saying(answer)).toEqual(said);
    expect(answer.took).toBeLessThan(IN_TIME_MS);
  }
}

/** Within 2 s a put goes through, and those after it have their own ids. */
async function expectWell(house: Proxied): Promise<void> {
  await poll('a put goes through', async () => (await house.put('t', 'first')).status === 201, 2_000);
  await expectOwn(house, await putAtOnce(house, 'well'), CALLS, {});
  const { waiters, bodyBytes } = house.gateway.pool.snapshot();
  expect({ waiters, bodyBytes }).toEqual({ waiters: 0, bodyBytes: 0 });
}

describe('of the replies to puts under way, one is', () => {
  const ways: readonly (readonly [how: string, Say, own: number, others: object])[] = [
    ['cut in the middle, and the connection closed', closing(INSERTED), FAULTY, LOST],
    ['cut in the middle, and nothing comes behind', fallingSilent(INSERTED), FAULTY, SILENT],
    ['said twice', sayingInstead(INSERTED, (one) => one + one), FAULTY + 1, NO_PROTOCOL],
    [
      'the last, and said twice',
      (replies, { gateway }) => gateway.write(replies + replies.match(INSERTED)?.at(-1)),
      CALLS,
      {},
    ],
    ...GARBAGE.map(
      ([what, garbage]) => [what, sayingInstead(INSERTED, () => garbage), FAULTY, NO_PROTOCOL] as const,
    ),
  ];
  for (const [how, say, own, others] of ways) {
    test(how, async (context) => {
      const house = await Proxied.open(context, QUICK);
      let meddledWith: Link | undefined;
      const puts = await putMeddled(house, 'x', (replies, link) => {
        meddledWith = link;
        say(replies, link);
      });
      await expectOwn(house, puts, own, others);
      const gone = () => [...house.proxy.links].every((one) => one !== meddledWith);
      await poll('the connection is gone', gone, 2_000);
      await expectWell(house);
    });
  }
});

describe('the replies to puts under way are late', () => {
  test('within the deadline', async (context) => {
    const house = await Proxied.open(context, QUICK);
    const puts = await putMeddled(house, 'late', (replies, { gateway, beanstalkd }) => {
      beanstalkd.pause();
      setTimeout(() => {
        gateway.write(replies);
        beanstalkd.resume();
      }, 600);
    });
    await expectOwn(house, puts, CALLS, {});
    await expectWell(house);
  });

  // Only a body buys time by what has come of it.
  test('and one of them is cut, and nothing comes behind', async (context) => {
    const house = await Proxied.open(context, QUICK);
    const puts = await putMeddled(house, 'late', (replies, link) => {
      link.beanstalkd.pause();
      setTimeout(() => fallingSilent(INSERTED)(replies, link), 700);
    });
    await expectOwn(house, puts, FAULTY, SILENT);
    await expectWell(house);
  });

  test('by more than the deadline: nobody else is given them', async (context) => {
    const house = await Proxied.open(context, QUICK);
    let sayLate = () => {};
    const puts = await putMeddled(house, 'late', (replies, { gateway, beanstalkd }) => {
      beanstalkd.pause();
      sayLate = () => void gateway.write(replies);
    });
    await expectOwn(house, puts, 0, SILENT);
    const others = await putMeddled(house, 'other', (replies, { gateway }) => {
      sayLate();
      gateway.write(replies);
    });
    await expectOwn(house, others, CALLS, {});
    await expectWell(house);
  });
});

describe('of the replies to reserves under way, one is', () => {
  const ways: readonly (readonly [how: string, Say])[] = [
    ['cut in the middle, and the connection closed', closing(RESERVED)],
    ['cut in the middle, and nothing comes behind', fallingSilent(RESERVED)],
    ['said twice', sayingInstead(RESERVED, (one) => one + one)],
    ['garbage', sayingInstead(RESERVED, () => 'RESERVED\r\n')],
    ['longer than it says', sayingInstead(RESERVED, (one) => one.replace('\r\n', '\r\nmore'))],
  ];
  for (const [how, say] of ways) {
    test(`${how}: every caller gets a job in the end, and each its own`, async (context) => {
      const house = await Proxied.open(context, QUICK);
      await house.reserve('warm');
      const bodies = new Map<string, string>();
      for (let n = 0; n < CALLS; n += 1) bodies.set(await house.raw.put('t', `x ${n}`), `x ${n}`);
      holdBack(house.proxy, RESERVED, CALLS, say);
      const taken = await atOnce(() => house.reserveOne('t', '?timeout=10'));
      expect(new Map(taken.map(({ job, body }) => [job.id, body]))).toEqual(bodies);
      expect(await serverFigure(house.raw, 'current-jobs-reserved')).toBe(CALLS);
      expect(house.gateway.pool.snapshot().reservations).toBe(CALLS);
      await expectWell(house);
    });
  }
});

describe('of the replies to deletes under way, one is', () => {
  const ways: readonly (readonly [how: string, Say, own: number, others: object])[] = [
    ['cut in the middle, and the connection closed', closing(DELETED), FAULTY, LOST],
    ['cut in the middle, and nothing comes behind', fallingSilent(DELETED), FAULTY, SILENT],
    ['garbage', sayingInstead(DELETED, () => 'RELEASED\r\n'), FAULTY, NO_PROTOCOL],
    // Nothing tells it from the reply to the next delete; the one too many ends the connection.
    ['said twice', sayingInstead(DELETED, (one) => one + one), CALLS, {}],
  ];
  for (const [how, say, own, others] of ways) {
    test(how, async (context) => {
      const house = await Proxied.open(context, QUICK);
      for (let n = 0; n <= CALLS; n += 1) await house.raw.put('t', `${n}`);
      const [kept, ...taken] = await house.reserve('t', `?count=${CALLS + 1}`);
      holdBack(house.proxy, DELETED, CALLS, say);
      const path = (n: number) => `/v1/reservations/${taken[n]?.reservation}`;
      const answers = await atOnce((n) => house.call('DELETE', path(n)));
      expect(answers.slice(0, own).map(({ status }) => status)).toEqual(new Array<number>(own).fill(204));
      expectAll(answers.slice(own), others);
      // Where `unknown` was said it was done; nothing was done to the one that nobody asked to delete.
      for (const { job } of taken) expect(await house.raw.stateOf(job.id)).toBeUndefined();
      const ready = async () => (await house.raw.stateOf(`${kept?.job.id}`)) === 'ready';
      await poll('the one kept is ready', ready, 2_000);
      const again = await house.call('POST', `/v1/reservations/${kept?.reservation}/touch`);
      expect(jsonOf(again)).toMatchObject({ status: 410, reason: 'connection-lost' });
      await expectWell(house);
    });
  }
});

describe('a reply about something else than was asked for is no answer', () => {
  const ways: readonly (readonly [
    what: string,
    call: readonly [string, string],
    said: RegExp,
    instead: string,
  ])[] = [
    ['a peek, of another job', ['GET', '/v1/jobs/1'], /FOUND 1 3\r\none/, 'FOUND 2 3\r\ntwo'],
    ['statistics, of another job', ['GET', '/v1/jobs/1'], /^id: 1$/m, 'id: 2'],
    ['statistics, of another tube', ['GET', '/v1/tubes/t'], /^name: "?t"?$/m, 'name: u'],
    [
      'a reserve by id, of another job',
      ['POST', '/v1/jobs/1/reservation'],
      /RESERVED 1 3\r\none/,
      'RESERVED 2 3\r\ntwo',
    ],
    ['a use, of another tube', ['POST', '/v1/tubes/u/jobs'], /USING u/, 'USING t'],
  ];
  for (const [what, call, said, instead] of ways) {
    test(what, async (context) => {
      const house = await Proxied.open(context, QUICK);
      const ids = [await house.raw.put('t', 'one', { ttr: 600 }), await house.raw.put('t', 'two')];
      house.proxy.meddle = (chunk) => Buffer.from(chunk.toString('latin1').replace(said, instead), 'latin1');
      expect(saying(await house.call(...call))).toMatchObject({
        status: 502,
        type: 'beanstalkd-protocol-error',
      });
      house.proxy.meddle = undefined;
      for (const id of ids)
        await poll('it is ready', async () => (await house.raw.stateOf(id)) === 'ready', 1_000);
      await expectWell(house);
    });
  }
});

test('DEADLINE_SOON to a wait, which holds nothing, is not taken for an empty tube', async (context) => {
  const house = await Proxied.open(context);
  const waiting = house.reserveOne('t', '?timeout=20');
  const waits = async () => (await house.raw.stats('stats-tube t'))?.['current-waiting'] === '1';
  await poll('it waits', waits);
  const last = [...house.proxy.links].at(-1);
  last?.gateway.write('DEADLINE_SOON\r\n');
  await poll('its connection is left', () => ![...house.proxy.links].some((link) => link === last));
  await house.raw.put('t', 'x');
  expect((await waiting).body).toBe('x');
});

test('a job whose connection breaks with the answer that makes it ours is not handed out', async (context) => {
  const house = await Proxied.open(context);
  const id = await house.raw.put('t', 'x', { ttr: 600 });
  house.proxy.meddle = (chunk) => {
    const said = chunk.toString('latin1');
    if (!said.includes('time-left')) return chunk;
    house.proxy.meddle = undefined;
    return Buffer.from(`${said}DELETED\r\n`);
  };
  const { job, reservation } = await house.reserveOne('t', '?timeout=5');
  expect(job).toMatchObject({ id, reserves: 2 });
  expect(house.gateway.pool.snapshot().reservations).toBe(1);
  expect((await house.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
  expect(await house.raw.stateOf(id)).toBeUndefined();
});

test('a delete whose connection breaks with its answer is remembered as one', async (context) => {
  const house = await Proxied.open(context);
  await house.raw.put('t', 'x', { ttr: 600 });
  const { reservation } = await house.reserveOne('t');
  house.proxy.meddle = (chunk) => {
    const said = chunk.toString('latin1');
    return said.includes('DELETED') ? Buffer.from(`${said}DELETED\r\n`) : chunk;
  };
  for (let time = 0; time < 2; time += 1)
    expect((await house.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
});

test('every byte comes alone: nobody notices', async (context) => {
  const house = await Proxied.open(context);
  const passed = new Map<Link, Promise<void>>();
  house.proxy.meddle = (chunk, link) => {
    const inPieces = async () => {
      await passed.get(link);
      for (const byte of chunk) {
        link.gateway.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    };
    passed.set(link, inPieces());
    return undefined;
  };
  const puts = await putAtOnce(house, 'x');
  await expectOwn(house, puts, CALLS, {});
  const taken = await atOnce(() => house.reserveOne('t', '?timeout=5'));
  expect(taken.map(({ body }) => body).sort()).toEqual(puts.map(({ body }) => body).sort());
  const ids = await idsByBody(house);
  for (const { job, body } of taken) expect(job.id).toBe(ids.get(body));
  const deletes = await atOnce((n) => house.call('DELETE', `/v1/reservations/${taken[n]?.reservation}`));
  expect(deletes.map(({ status }) => status)).toEqual(new Array<number>(CALLS).fill(204));
  expect(await serverFigure(house.raw, 'current-jobs-ready')).toBe(0);
});
