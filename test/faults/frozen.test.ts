import { describe, expect, test } from 'vitest';
import { putMany, tubeFigure } from '../pool/house.ts';
import { poll } from '../support/beanstalkd.ts';
import type { Answer } from './http.ts';
import { jsonOf, Laboratory, reservationsIn, saying, until } from './laboratory.ts';
import { type Asked, LOOKED_AT, MARKED_PUTS, SETTLED, SETTLES, waveOf } from './wave.ts';

const DEADLINES = { command: 1_000, connect: 1_000, reserveGrace: 1_000 };
const SETTINGS = {
  COMMAND_TIMEOUT_MS: `${DEADLINES.command}`,
  CONNECT_TIMEOUT_MS: `${DEADLINES.connect}`,
  RESERVE_GRACE_MS: `${DEADLINES.reserveGrace}`,
  // So that the wait of a patient caller is lost within the freeze, and must be begun again.
  RESERVE_SLICE: '1',
  // Rubbish says nothing about memory: on this signal it is collected.
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    process.on('SIGWINCH', () => collect());
  `)}`,
};
const LATE_MS = 250;
const WELL_MS = 2_000;
/** Besides those that are settled and looked at, so many are left in peace. */
const HELD = SETTLED + LOOKED_AT + 20;

type Said = ReturnType<typeof saying>;

interface Answered {
  readonly asked: Asked;
  readonly answer: Answer;
}

interface Held {
  readonly id: string;
  readonly token: string;
}

const open = async (): Promise<Laboratory> => {
  const laboratory = await Laboratory.open({ args: ['-z', '1000000'], env: SETTINGS });
  await putMany(laboratory.raw, 'ready', 20);
  return laboratory;
};

async function hold(laboratory: Laboratory): Promise<Held[]> {
  await putMany(laboratory.raw, 'held', HELD);
  const answer = await Promise.all([1, 2].map(() => laboratory.reserve('held', `?count=${HELD / 2}`)));
  const held = answer
    .flatMap(reservationsIn)
    .map(({ job, reservation }) => ({ id: job.id, token: reservation }));
  expect(held).toHaveLength(HELD);
  return held;
}

/** What needs nothing of beanstalkd is answered at once meanwhile: how late, is the noise of this machine. */
async function noiseUntil(over: () => boolean, laboratory: Laboratory): Promise<number[]> {
  const took: number[] = [];
  while (!over()) {
    const answer = await laboratory.call('GET', '/livez');
    expect(answer.status).toBe(200);
    took.push(answer.took);
    await until(performance.now() + 20);
  }
  return took.sort((one, other) => one - other);
}

/** 500 calls on a beanstalkd that is frozen, a millisecond apart; judged by their deadlines. */
async function freeze(laboratory: Laboratory, wave: number, held: readonly Held[]): Promise<Answered[]> {
  laboratory.beanstalkd.signal('SIGSTOP');
  const tokens = held.map(({ token }) => token);
  const from = performance.now();
  let over = false;
  const noise = noiseUntil(() => over, laboratory);
  const answered = await Promise.all(
    waveOf(wave, tokens, DEADLINES).map(async (asked, n) => {
      await until(from + n);
      return { asked, answer: await laboratory.call(asked.method, asked.path, asked.sent) };
    }),
  );
  over = true;
  expect(answered).toHaveLength(500);
  const took = await noise;
  // One hiccup may be the machine's; half of the time would be ours.
  expect(took[took.length >> 1]).toBeLessThan(100);
  const lateMs = LATE_MS + (took.at(-1) ?? 0);
  const late = answered.filter(({ asked, answer }) => answer.took > asked.withinMs + lateMs);
  expect(late.slice(0, 10)).toEqual([]);
  return answered;
}

/** What API.md announces for a beanstalkd that says nothing. */
function isAnnounced({ status, type, outcome }: Said, changing: boolean): boolean {
  switch (status) {
    case 410:
      // Another call has found it out before this one.
      return type === 'reservation-ended';
    case 502:
      return type === 'beanstalkd-connection-lost' && outcome === (changing ? 'unknown' : undefined);
    case 503:
      return type === 'beanstalkd-unreachable' && outcome === (changing ? 'none' : undefined);
    case 504:
      return type === 'beanstalkd-timeout' && (outcome !== undefined) === changing;
    default:
      return false;
  }
}

/** The results of a batch, or the answer itself. */
function saidIn(answer: Answer): Said[] {
  if (answer.status !== 200) return [saying(answer)];
  const { results } = jsonOf(answer) as { results: (Said & { type: string })[] };
  return results.map((result) => ({ ...result, type: result.type.replace('/problems/', '') }));
}

function expectAnnounced(answered: readonly Answered[]): void {
  const others = answered.filter(({ asked, answer }) =>
    saidIn(answer).some((said) => !isAnnounced(said, asked.method !== 'GET')),
  );
  expect(others.slice(0, 10)).toEqual([]);
}

async function thaw(laboratory: Laboratory): Promise<void> {
  laboratory.beanstalkd.signal('SIGCONT');
  await poll('puts are taken', async () => (await laboratory.put('thawed')).status === 201, WELL_MS);
}

/** What the gateway really keeps: its heap, and the buffers outside. */
async function bytesKept(laboratory: Laboratory): Promise<number> {
  laboratory.gateway.signal('SIGWINCH');
  // When this is answered, the signal has come.
  await laboratory.call('GET', '/livez');
  const metrics = (await laboratory.call('GET', '/metrics')).bytes.toString();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return figure('nodejs_heap_size_used_bytes') + figure('nodejs_external_memory_bytes');
}

type State = string | undefined;

/** In which state a job may be when its reservation is said to be this. */
const STATES: Readonly<Record<string, (askedFor: State) => State[]>> = {
  held: () => ['reserved'],
  'connection-lost': () => ['ready'],
  unknown: (askedFor) => ['ready', askedFor],
};

describe('beanstalkd frozen under 500 calls of all kinds', () => {
  test('each is answered in time with what is announced, and the memory stays as it is', async () => {
    const laboratory = await open();
    const kept: number[] = [];
    for (const wave of [1, 2, 3]) {
      expectAnnounced(await freeze(laboratory, wave, await hold(laboratory)));
      await thaw(laboratory);
      for (const figure of ['body_bytes', 'commands_queued', 'commands_in_flight', 'waiters', 'reservations'])
        await laboratory.untilFigure(figure, 0);
      kept.push(await bytesKept(laboratory));
    }
    // The bodies of one wave are 9 MB.
    expect((kept[2] ?? Number.NaN) - (kept[0] ?? Number.NaN)).toBeLessThan(3_000_000);
  });

  test('thawed, all is well within two seconds', async () => {
    const laboratory = await open();
    const { beanstalkd, raw } = laboratory;
    const patient = laboratory.reserveOne('patient', '?timeout=60');
    await laboratory.untilWaiting('patient');
    const held = await hold(laboratory);
    await freeze(laboratory, 1, held);
    // Those who come later find it known that there is no way.
    expectAnnounced(await freeze(laboratory, 2, held));
    expect(await laboratory.figure('connections{kind="waiting"}')).toBe(0);
    beanstalkd.signal('SIGCONT');
    const from = performance.now();
    await raw.put('patient', 'at last');
    const calls = [
      ['POST', '/v1/tubes/t/jobs', { body: 'x' }],
      ['POST', '/v1/tubes/t/jobs', { body: 'x'.repeat(300_000) }],
      ['POST', '/v1/tubes/ready/reservations'],
      ['POST', '/v1/tubes/empty/reservations'],
      ['GET', '/v1/tubes'],
      ['GET', '/v1/server'],
      ['DELETE', '/v1/tubes/t/jobs?state=ready'],
      ['GET', '/readyz'],
    ] as const;
    await Promise.all(
      calls.map(([method, path, sent]) =>
        poll(path, async () => (await laboratory.call(method, path, sent)).status < 300, WELL_MS),
      ),
    );
    expect((await patient).body).toBe('at last');
    expect(performance.now() - from).toBeLessThan(WELL_MS);
  });

  test('what was said of reservations and puts is true', async () => {
    const laboratory = await open();
    const { raw } = laboratory;
    const held = await hold(laboratory);
    const answered = await freeze(laboratory, 1, held);
    await thaw(laboratory);

    for (const [n, { id, token }] of held.entries()) {
      const said = await laboratory.call('GET', `/v1/reservations/${token}`);
      const reason = said.status === 200 ? 'held' : (jsonOf(said) as { reason: string }).reason;
      const asked = n < SETTLED ? SETTLES[n % SETTLES.length]?.after : 'ready';
      const states = STATES[reason]?.(asked);
      const isTrue = async () => states?.includes(await raw.stateOf(id)) === true;
      await poll(`job ${id} is as ${reason} says`, isTrue, WELL_MS);
    }
    // What the reserves of the wave had taken went back as well.
    const readyAgain = async () => (await tubeFigure(raw, 'ready', 'current-jobs-ready')) === 20;
    await poll('all are ready again', readyAgain, WELL_MS);

    const told = new Map<string, unknown>();
    for (const { asked, answer } of answered) {
      const body = asked.sent?.body;
      if (asked.path === '/v1/tubes/marked/jobs' && typeof body === 'string')
        told.set(body.slice(0, 100), saying(answer).outcome);
    }
    expect(told.size).toBe(MARKED_PUTS);
    const found = (await raw.takeAll('marked')).map((body) => body.toString('latin1', 0, 100));
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((body) => told.get(body) !== 'unknown')).toEqual([]);
  });
});
