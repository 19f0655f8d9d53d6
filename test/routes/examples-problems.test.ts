import { beforeAll, expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type Asked, type Calls, type House, type HouseOptions, openHouse, test } from './calls.ts';
import { type Answer, at } from './contract.ts';
import { membersOf } from './described-parts.ts';
import { openKeyedForTest } from './keyed-house.ts';

/*
 * The problems that the document shows are what real ones are. Of most there are two: that of a call that
 * changes something, and that of a look, which has no outcome.
 */

type Open = (options?: HouseOptions) => Promise<House>;
type Call = readonly [method: string, path: string, asked?: Asked];

/** The calls that bring it about: one that changes something, one that only looks. */
interface Way {
  readonly changing?: Call;
  readonly look?: Call;
  /** Where the house has to be another one, or in trouble. */
  readonly house?: (open: Open) => Promise<House>;
}

const PUT: Call = ['POST', '/v1/tubes/mail/jobs', { body: 'Hello, worker!' }];
const LIST: Call = ['GET', '/v1/tubes'];
const BATCH = '/v1/tubes/mail/jobs/batch';
const PICTURE = { headers: { accept: 'image/png' } };

/** A look has a connection of its own, which is made when it is first needed. */
const dialled = ({ calls }: House) => calls.ok(200, ...LIST);

/** It has one job, 1, which is held. */
async function withHeldJob(open: Open): Promise<House> {
  const house = await open();
  await house.raw.put('mail', 'x');
  await house.calls.reserve('mail');
  return house;
}

async function without(open: Open): Promise<House> {
  const house = await open();
  await house.beanstalkd.kill();
  await poll('the loss is known', async () => (await house.calls.call('GET', '/readyz')).status === 503);
  return house;
}

async function frozen(open: Open): Promise<House> {
  const house = await open({ pool: { commandTimeoutMs: 400, connectTimeoutMs: 400 } });
  await dialled(house);
  house.beanstalkd.signal('SIGSTOP');
  return house;
}

async function draining(open: Open): Promise<House> {
  const house = await open();
  house.beanstalkd.signal('SIGUSR1');
  await poll('it drains', async () => (await house.raw.stats('stats'))?.['draining'] === 'true');
  return house;
}

async function stopping(open: Open): Promise<House> {
  const house = await open();
  house.gateway.pool.beginStop();
  return house;
}

/** Called once already, in this second. */
async function called(open: Open): Promise<House> {
  const house = await open({ app: { rates: { perAddress: 1, perKey: 0 } } });
  await house.calls.call(...LIST);
  return house;
}

async function withWaiter(open: Open): Promise<House> {
  const house = await open({ pool: { waitersMax: 1 } });
  void house.calls.call('POST', '/v1/tubes/mail/reservations?timeout=20').catch(() => {});
  await poll('it waits', () => house.gateway.pool.snapshot().waiters === 1);
  return house;
}

const MANY_HEADERS = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`x-${n}`, '']));

const WAYS: Readonly<Record<string, Way>> = {
  'invalid-request': {
    changing: ['POST', '/v1/tubes/mail/jobs?timout=1'],
    look: ['GET', '/v1/jobs/42?timout=1'],
  },
  unauthorized: { changing: PUT, look: LIST, house: () => openKeyedForTest({}) },
  'job-not-found': { changing: ['DELETE', '/v1/jobs/42'], look: ['GET', '/v1/jobs/42'] },
  'tube-not-found': { changing: ['POST', '/v1/tubes/mail/kick?bound=1'], look: ['GET', '/v1/tubes/mail'] },
  'reservation-not-found': {
    changing: ['DELETE', '/v1/reservations/none'],
    look: ['GET', '/v1/reservations/none'],
  },
  'route-not-found': { look: ['GET', '/problems/none'] },
  'not-acceptable': {
    changing: ['POST', '/v1/tubes/mail/reservations', PICTURE],
    look: ['GET', '/v1/jobs/42', PICTURE],
  },
  'job-state-conflict': { changing: ['DELETE', '/v1/jobs/1'], house: withHeldJob },
  'job-too-big': { changing: ['POST', '/v1/tubes/mail/jobs', { body: Buffer.alloc(65_536) }] },
  'request-too-big': {
    changing: ['POST', BATCH, { headers: { 'content-type': 'application/json' }, body: Buffer.alloc(2_000) }],
    house: (open) => open({ limits: { batchMax: 1, bodyMaxBytes: 1_000 } }),
  },
  'unsupported-media-type': {
    changing: ['POST', '/v1/reservations/batch', { headers: { 'content-type': 'text/plain' }, body: 'x' }],
  },
  'too-many-requests': { changing: PUT, look: LIST, house: called },
  'headers-too-large': {
    changing: ['POST', '/v1/tubes/mail/jobs', { headers: MANY_HEADERS }],
    look: ['GET', '/v1/tubes', { headers: MANY_HEADERS }],
  },
  'beanstalkd-unreachable': { changing: PUT, look: LIST, house: without },
  'beanstalkd-draining': { changing: PUT, house: draining },
  'too-many-waiters': { changing: ['POST', '/v1/tubes/mail/reservations?timeout=20'], house: withWaiter },
  overloaded: { changing: PUT, house: (open) => open({ pool: { bufferMaxBytes: 10 } }) },
  'shutting-down': { changing: PUT, house: stopping },
  'beanstalkd-timeout': { changing: PUT, look: LIST, house: frozen },
};

/** Brought about in more than one step. */
const STORIES: Readonly<Record<string, (open: Open) => Promise<Answer>>> = {
  forbidden: () => outside(PUT),
  'forbidden-of-a-look': () => outside(['GET', '/v1/tubes/mail']),
  'reservation-ended': async (open) => {
    const { calls, ended } = await withEnded(open);
    return calls.call('DELETE', ended);
  },
  'reservation-ended-of-a-look': async (open) => {
    const { calls, ended } = await withEnded(open);
    return calls.call('GET', ended);
  },
  'idempotency-key-reused': async (open) => {
    const { calls } = await open();
    const headers = { 'idempotency-key': '8e03978e-40d5-43e8-bc93-6894a57f9324' };
    await calls.ok(201, 'POST', '/v1/tubes/mail/jobs', { headers, body: 'one' });
    return calls.call('POST', '/v1/tubes/mail/jobs', { headers, body: 'another' });
  },
  'request-timeout': async (open) => {
    const { calls } = await open({ timeouts: { headersMs: 200, requestMs: 200, checkEveryMs: 20 } });
    const socket = await calls.socket();
    socket.write('POST /v1/tubes/mail/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx');
    return socket.answer();
  },
  'beanstalkd-connection-lost': (open) => lost(open, PUT),
  'beanstalkd-connection-lost-of-a-look': (open) => lost(open, ['GET', '/v1/server']),
};

async function outside([method, path]: Call): Promise<Answer> {
  const { calls, file } = await openKeyedForTest({
    'billing-worker': { rights: ['produce', 'inspect'], tubes: ['billing'] },
  });
  return calls.call(method, path, { headers: file.headers('billing-worker') });
}

async function withEnded(open: Open): Promise<{ readonly calls: Calls; readonly ended: string }> {
  const { calls, raw } = await open();
  await raw.put('mail', 'x', { ttr: 1 });
  const ended = `/v1/reservations/${await calls.reserve('mail')}`;
  await poll('it expires', async () => (await calls.call('GET', ended)).status === 410);
  return { calls, ended };
}

async function lost(open: Open, call: Call): Promise<Answer> {
  const house = await open();
  const { calls, beanstalkd, gateway } = house;
  await dialled(house);
  beanstalkd.signal('SIGSTOP');
  const asking = calls.call(...call);
  // The probe's own is one of the two.
  await poll('it is under way', () => gateway.pool.snapshot().commandsInFlight === 2);
  beanstalkd.signal('SIGKILL');
  return asking;
}

/** For these beanstalkd or the gateway would need a fault, or a look meets another bound, in other words. */
const NOT_BROUGHT_ABOUT = [
  'beanstalkd-internal-error',
  'beanstalkd-internal-error-of-a-look',
  'beanstalkd-out-of-memory',
  'beanstalkd-out-of-memory-of-a-look',
  'beanstalkd-protocol-error',
  'beanstalkd-protocol-error-of-a-look',
  'internal-error',
  'internal-error-of-a-look',
  'overloaded-of-a-look',
  'shutting-down-of-a-look',
];

const CASES: Readonly<Record<string, (open: Open) => Promise<Answer>>> = {
  ...STORIES,
  ...Object.fromEntries(
    Object.entries(WAYS).flatMap(([name, { changing, look, house = (open: Open) => open() }]) => {
      const made = (call: Call) => async (opened: Open) => (await house(opened)).calls.call(...call);
      return [
        ...(changing === undefined ? [] : [[name, made(changing)] as const]),
        ...(look === undefined ? [] : [[`${name}-of-a-look`, made(look)] as const]),
      ];
    }),
  ),
};

/** Ids and bounds are others here. */
const withoutNumbers = (problem: unknown): unknown =>
  JSON.parse(JSON.stringify(problem).replace(/\d+/g, '0'));

let shown: unknown;

beforeAll(async () => {
  const { gateway, close } = await openHouse();
  shown = at(gateway.app.swagger(), 'components', 'examples');
  await close();
});

test('every problem that is shown is brought about below, or cannot be', () => {
  const names = membersOf(shown).map(([name]) => name);
  expect([...Object.keys(CASES), ...NOT_BROUGHT_ABOUT].sort()).toEqual(names.sort());
});

// One after the other: what they open is closed by the test that vitest takes for the one at hand.
test.for(Object.entries(CASES))(
  'a real one is as it is shown: %s',
  async ([name, bringAbout], { open, expect }) => {
    const example = at(shown, name, 'value');
    const answer = await bringAbout(open);
    expect(answer.status, answer.text).toBe(at(example, 'status'));
    const expected = { ...Object(withoutNumbers(example)), requestId: expect.any(String) };
    expect(withoutNumbers(answer.json())).toEqual(expected);
  },
);
