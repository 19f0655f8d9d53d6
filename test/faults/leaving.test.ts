import { randomInt } from 'node:crypto';
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { serverFigure } from '../pool/house.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { Choices } from './choices.ts';
import { anyReserve, ask, aWhile, callerOf, departures, takenIn } from './departures.ts';
import { jsonOf, Laboratory } from './laboratory.ts';

const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const TTR = 2;
const KEPT = ['kept1', 'kept2'] as const;
/** More than the buffers of the kernel take at both ends. */
const BIG = 12_000_000;

/** Jobs by their ids, and what became of them. */
class Jobs {
  readonly #bodies = new Map<string, string>();
  readonly #timesRead = new Map<string, number>();

  get ids(): readonly string[] {
    return [...this.#bodies.keys()];
  }

  add(id: string, body: string): void {
    this.#bodies.set(id, body);
  }

  async put(raw: RawConnection, tube: string, count: number, ttr: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const body = `${tube} ${n}`;
      this.add(await raw.put(tube, body, { ttr }), body);
    }
  }

  /** It was in an answer that its caller read to the end. */
  wasRead(id: string, body: string): void {
    expect(body).toBe(this.#bodies.get(id));
    this.#timesRead.set(id, this.timesRead(id) + 1);
  }

  timesRead(id: string): number {
    return this.#timesRead.get(id) ?? 0;
  }

  get read(): number {
    return this.ids.reduce((sum, id) => sum + this.timesRead(id), 0);
  }

  /** The statistics of each, which must have kept its own body. */
  async look(raw: RawConnection): Promise<(readonly [id: string, stats: Record<string, string>])[]> {
    const looked: (readonly [string, Record<string, string>])[] = [];
    for (const [id, body] of this.#bodies) {
      const [, , length] = (await raw.command(`peek ${id}`)).split(' ');
      expect((await raw.bytes(Number(length))).toString()).toBe(body);
      looked.push([id, (await raw.stats(`stats-job ${id}`)) ?? {}]);
    }
    return looked;
  }
}

/** Looks at all jobs again and again; gives those that were reserved for a second longer than their TTR. */
function watchForLate(raw: RawConnection, idsOfNow: () => readonly string[]): () => Promise<string[]> {
  const late: string[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const id of idsOfNow()) {
        const job = await raw.stats(`stats-job ${id}`);
        // Whole seconds, cut towards zero.
        if (job?.['state'] === 'reserved' && Number(job['time-left']) < 0) late.push(id);
      }
    }
  })();
  // When the test has failed before, nobody waits for it.
  watching.catch(() => {});
  return async () => {
    over = true;
    await watching;
    return late;
  };
}

/** Callers that leave an answer of which the kernel cannot have taken all. */
async function leaveUnread({ gateway, beanstalkd }: Laboratory, times: number): Promise<void> {
  const raw = await beanstalkd.raw();
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push(await raw.put('big', Buffer.alloc(BIG / 3, 'x'), { ttr: 60 }));
  for (let n = 0; n < times; n += 1) {
    const caller = await callerOf(gateway.url);
    caller.says(ask('/v1/tubes/big/reservations?timeout=20&count=3'));
    await caller.begun();
    caller.leave();
    const ready = async () => (await raw.stats('stats-tube big'))?.['current-jobs-ready'] === '3';
    await poll('all of an unread answer are ready again', ready, 1_000);
  }
  for (const id of ids) {
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ timeouts: '0', releases: `${times}` });
  }
}

const RACED = ['raced1', 'raced2'] as const;

/** Says this much, and leaves at any moment from then on. */
async function leaveAtAnyMoment(url: string, choices: Choices, request: string): Promise<void> {
  const caller = await callerOf(url);
  caller.says(request);
  await aWhile(choices);
  caller.leave(choices.oneOf(['end', 'reset'] as const));
}

/** Leaves with the first bytes of the answer. */
async function leaveAsTheAnswerComes(url: string, choices: Choices, request: string): Promise<void> {
  const caller = await callerOf(url);
  caller.says(request);
  await caller.begun();
  caller.leave(choices.oneOf(['end', 'reset'] as const));
}

/** Leaves when it has read all of the answer. */
async function leaveWithTheAnswer(url: string, choices: Choices, request: string, jobs: Jobs): Promise<void> {
  const caller = await callerOf(url);
  caller.says(request);
  const answer = await caller.answer();
  caller.leave(choices.oneOf(['end', 'reset'] as const));
  if (answer === undefined) throw new Error('no answer');
  for (const { id, body } of takenIn(answer)) jobs.wasRead(id, body);
}

test('10,000 leave at any moment: no job is lost, and none outlasts its TTR by a second', async () => {
  onTestFailed(() => console.error(`SEED=${SEED}`));
  const lab = await Laboratory.open({ args: ['-z', '20000000'] });
  const { raw } = lab;
  const { url } = lab.gateway;
  const [kept, raced] = [new Jobs(), new Jobs()];
  for (const tube of KEPT) await kept.put(raw, tube, 400, TTR);
  for (const tube of RACED) await raced.put(raw, tube, 300, TTR);
  const lateOnes = watchForLate(await lab.beanstalkd.raw(), () => [...kept.ids, ...raced.ids]);

  const depart = (choices: Choices, n: number): Promise<unknown> => {
    switch (choices.integer(0, 7)) {
      case 0: {
        const request = anyReserve(choices, KEPT, kept.ids);
        return leaveAtAnyMoment(url, choices, request.slice(0, choices.integer(0, request.length - 1)));
      }
      case 1:
      case 2:
        return leaveWithTheAnswer(url, choices, anyReserve(choices, KEPT, kept.ids), kept);
      case 3:
        return leaveAsTheAnswerComes(url, choices, anyReserve(choices, RACED, raced.ids));
      case 4: {
        // Several wait for the same tube, and a job comes there for each.
        const tube = `coming${n >> 5}`;
        const put = async () => {
          await aWhile(choices);
          const { id } = jsonOf(await lab.put(tube, `${n}`, `?ttr=${TTR}`)) as { id: string };
          raced.add(id, `${n}`);
        };
        return Promise.all([
          leaveAtAnyMoment(url, choices, ask(`/v1/tubes/${tube}/reservations?timeout=20`)),
          put(),
        ]);
      }
      default:
        return leaveAtAnyMoment(url, choices, anyReserve(choices, RACED, raced.ids));
    }
  };
  await Promise.all([departures({ count: 10_000, atOnce: 64, seed: SEED }, depart), leaveUnread(lab, 20)]);

  const overAt = performance.now();
  await lab.untilFigure('waiters', 0, 1_000);
  await lab.untilFigure('connections{kind="waiting"}', 0, 1_000);
  const reserved = () => serverFigure(raw, 'current-jobs-reserved');
  const left = overAt + (TTR + 1) * 1_000 - performance.now();
  await poll('nothing is held', async () => (await reserved()) === 0, left);
  expect(await lateOnes()).toEqual([]);

  const [keptNow, racedNow] = [await kept.look(raw), await raced.look(raw)];
  // Who read the whole answer had the job until its TTR; who did not even ask had nothing.
  for (const [id, job] of keptNow) {
    const timeouts = `${kept.timesRead(id)}`;
    expect(job, id).toMatchObject({ state: 'ready', reserves: timeouts, timeouts, releases: '0' });
  }
  for (const [id, job] of racedNow) expect(job['state'], id).toBe('ready');
  // The races were run, and went either way.
  expect(kept.read).toBeGreaterThan(1_000);
  const sumOf = (figure: string) => racedNow.reduce((sum, [, job]) => sum + Number(job[figure]), 0);
  expect(sumOf('releases')).toBeGreaterThan(100);
  expect(sumOf('timeouts')).toBeGreaterThan(100);

  await lab.untilFigure('reservations', 0, 1_000);
  expect(await lab.figure('body_bytes')).toBe(0);
}, 60_000);

test('whichever way the race of a caller with its answer went, the gateway and beanstalkd agree', async () => {
  onTestFailed(() => console.error(`SEED=${SEED}`));
  const lab = await Laboratory.open();
  const jobs = new Jobs();
  for (const tube of RACED) await jobs.put(lab.raw, tube, 1_500, 600);
  await departures({ count: 1_000, atOnce: 64, seed: SEED }, (choices) => {
    const leave = choices.oneOf([leaveAtAnyMoment, leaveAtAnyMoment, leaveAsTheAnswerComes]);
    return leave(lab.gateway.url, choices, anyReserve(choices, RACED, jobs.ids));
  });
  await lab.untilFigure('waiters', 0, 1_000);
  const agree = async () =>
    (await lab.figure('reservations')) === (await serverFigure(lab.raw, 'current-jobs-reserved'));
  await poll('they agree', agree, 1_000);
  const held = await lab.figure('reservations');
  expect(held).toBeGreaterThan(100);
  const states = (await jobs.look(lab.raw)).map(([, job]) => job['state']);
  expect(states.filter((state) => state === 'reserved')).toHaveLength(held);
  expect(states.filter((state) => state === 'ready')).toHaveLength(3_000 - held);
  expect(await lab.figure('body_bytes')).toBe(0);
});

/** Connections of this gateway that have come and gone. */
function countGone({ app }: TestGateway): () => number {
  let gone = 0;
  app.server.on('connection', (socket) => {
    socket.once('close', () => {
      gone += 1;
    });
  });
  return () => gone;
}

test('those who left before their job came hold nothing a second later, and those who stayed have theirs', async () => {
  onTestFailed(() => console.error(`SEED=${SEED}`));
  const beanstalkd = await Beanstalkd.start();
  onTestFinished(() => beanstalkd.stop());
  const gateway = await startGateway(beanstalkd);
  onTestFinished(() => gateway.stop());
  const raw = await beanstalkd.raw();
  const jobs = new Jobs();
  for (const tube of ['t1', 't2']) await jobs.put(raw, tube, 600, 600);
  const gone = countGone(gateway);

  for (let wave = 0; wave < 20; wave += 1) {
    const choices = new Choices(SEED, `wave ${wave}`);
    // Whatever it is asked from here on, it answers when they have gone.
    beanstalkd.signal('SIGSTOP');
    const callers = await Promise.all(Array.from({ length: 64 }, () => callerOf(gateway.url)));
    for (const caller of callers) caller.says(anyReserve(choices, ['t1', 't2'], jobs.ids));
    const [stayers, leavers] = [callers.slice(0, 8), callers.slice(8)];
    for (const leaver of leavers) {
      await aWhile(choices);
      leaver.leave(choices.oneOf(['end', 'reset'] as const));
    }
    await poll('it knows that they have gone', () => gone() === wave * callers.length + leavers.length);
    beanstalkd.signal('SIGCONT');
    for (const stayer of stayers) {
      const answer = await stayer.answer();
      stayer.leave();
      if (answer === undefined) throw new Error('no answer');
      for (const { id, body } of takenIn(answer)) jobs.wasRead(id, body);
    }
    const held = async () => (await serverFigure(raw, 'current-jobs-reserved')) === jobs.read;
    await poll('only what was read is held', held, 1_000);
  }
  for (const [id, job] of await jobs.look(raw)) {
    const state = jobs.timesRead(id) === 1 ? 'reserved' : 'ready';
    expect(job, id).toMatchObject({ state, timeouts: '0' });
  }
  expect(gateway.pool.snapshot()).toMatchObject({ waiters: 0, reservations: jobs.read, bodyBytes: 0 });
});
