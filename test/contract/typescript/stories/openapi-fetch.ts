/*
 * The story of a few jobs, told by openapi-fetch with the types that openapi-typescript makes of openapi/openapi.yaml. It
 * is compiled with them, and run: it asserts, and says nothing when all is well.
 */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import createClient from 'openapi-fetch';
import type { Problem, PutAnswer, paths, Reservation } from './client.ts';

const { GATEWAY_URL = '', KEYED_URL = '', KEY = '', MIRROR_URL = '', MIRRORED = '' } = process.env;

const gateway = createClient<paths>({ baseUrl: GATEWAY_URL });

const MADE_UP = '0'.repeat(32);

/** What a call that must succeed answered; the raw body, which has the type of a string, comes to who asks for it. */
async function ok<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<Exclude<NonNullable<T>, string>> {
  const { data, error } = await call;
  assert.ok(isJson(data), JSON.stringify(error));
  return data;
}

const isJson = <T>(data: T): data is Exclude<NonNullable<T>, string> => typeof data === 'object';

async function done(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  const { error, response } = await call;
  assert.equal(response.status, 204, JSON.stringify(error));
}

/** The problem that a call must fail with. */
async function refused(
  name: string,
  call: Promise<{ error?: Problem; response: Response }>,
): Promise<Problem> {
  const { error, response } = await call;
  assert.ok(error, `${response.status} instead of ${name}`);
  assert.equal(error.type, `/problems/${name}`);
  assert.equal(error.status, response.status);
  return error;
}

/** The types know binary bodies as strings; what is sent is what the serialiser says. */
const raw = (bytes: Uint8Array | string) => ({
  body: '',
  bodySerializer: () => bytes,
  headers: { 'Content-Type': 'application/octet-stream' },
});

const put = (tube: string, text = 'a job'): Promise<PutAnswer> =>
  ok(gateway.POST('/v1/tubes/{tube}/jobs', { params: { path: { tube } }, ...raw(text) }));

/** The next job of a tube, waited for. */
async function take(tube: string): Promise<Reservation> {
  const { reservations } = await ok(
    gateway.POST('/v1/tubes/{tube}/reservations', { params: { path: { tube }, query: { timeout: 10 } } }),
  );
  const [taken] = reservations;
  assert.ok(taken, `nothing comes to ${tube}`);
  return taken;
}

const finish = (reservation: string) =>
  gateway.DELETE('/v1/reservations/{reservation}', { params: { path: { reservation } } });

const touch = (reservation: string) =>
  gateway.POST('/v1/reservations/{reservation}/touch', { params: { path: { reservation } } });

/** The first who waits for a tube makes it. */
async function someoneWaits(tube: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const { data } = await gateway.GET('/v1/tubes/{tube}', { params: { path: { tube } } });
    if (data && data.currentWaiting > 0) return;
    assert.ok(Date.now() < deadline, `nobody waits for ${tube}`);
    await setTimeout(10);
  }
}

async function bytesComeBackAsTheyWent(): Promise<void> {
  const tube = 'story-bytes/raw';
  const path = { tube };
  const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x0a, 0x80]);
  const job = await ok(
    gateway.POST('/v1/tubes/{tube}/jobs', {
      params: { path, query: { priority: 7, ttr: 30 } },
      ...raw(bytes),
    }),
  );
  const id: string = job.id;
  const { reservation, ...taken } = await take(tube);
  assert.equal(taken.job.id, id);
  assert.equal(taken.job.priority, 7);
  assert.equal(taken.job.ttr, 30);
  assert.equal(taken.encoding, 'base64');
  assert.deepEqual(Buffer.from(taken.body, 'base64'), bytes);
  await done(gateway.POST('/v1/reservations/{reservation}/release', { params: { path: { reservation } } }));

  const { data, response } = await gateway.POST('/v1/tubes/{tube}/reservations', {
    params: { path },
    headers: { Accept: 'application/octet-stream' },
    parseAs: 'arrayBuffer',
  });
  assert.ok(data);
  assert.deepEqual(Buffer.from(data), bytes);
  assert.equal(response.headers.get('Job-Id'), id);
  await done(finish(response.headers.get('Reservation') ?? ''));
}

async function aRetryWithItsKeyPutsNothing(): Promise<void> {
  const params = { path: { tube: 'story-once' }, header: { 'Idempotency-Key': 'story-4711' } };
  const putOnce = (text: string) => gateway.POST('/v1/tubes/{tube}/jobs', { params, ...raw(text) });
  const { id } = await ok(putOnce('a job'));
  assert.equal((await ok(putOnce('a job'))).id, id);
  await refused('idempotency-key-reused', putOnce('another job'));
}

async function oneBadJobDoesNotFailTheOthers(): Promise<void> {
  const { results } = await ok(
    gateway.POST('/v1/tubes/{tube}/jobs/batch', {
      params: { path: { tube: 'story-batch' } },
      body: {
        jobs: [
          { body: 'one', priority: 1 },
          { body: 'no base64', encoding: 'base64' },
          { body: 'dHdv', encoding: 'base64', delay: 60 },
        ],
      },
    }),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    [201, 400, 201],
  );
  const [one, bad, two] = results;
  assert.equal(one?.state, 'ready');
  assert.equal(two?.state, 'delayed');
  assert.equal(bad?.type, '/problems/invalid-request');
  assert.equal(bad?.outcome, 'none');
  assert.ok(bad?.title && bad.detail);
}

async function aWaitIsAnsweredByAPut(): Promise<void> {
  const tube = 'story-wait';
  const waiting = take(tube);
  await someoneWaits(tube);
  const { id } = await put(tube);
  assert.equal((await waiting).job.id, id);
}

async function aTouchGainsTime(): Promise<void> {
  const tube = 'story-touch';
  await put(tube);
  const { reservation, expiresAt } = await take(tube);
  await setTimeout(5);
  const touched = await ok(touch(reservation));
  // Types alone make no Date.
  assert.ok(new Date(touched.expiresAt) > new Date(expiresAt));
}

async function aReleasedJobIsKicked(): Promise<void> {
  const tube = 'story-release';
  const { id } = await put(tube);
  const { reservation } = await take(tube);
  await done(
    gateway.POST('/v1/reservations/{reservation}/release', {
      params: { path: { reservation }, query: { delay: 100 } },
    }),
  );
  const { job } = await ok(gateway.GET('/v1/jobs/{id}', { params: { path: { id } } }));
  assert.equal(job.state, 'delayed');
  await done(gateway.POST('/v1/jobs/{id}/kick', { params: { path: { id } } }));
  assert.equal((await take(tube)).job.id, id);
}

async function aBuriedJobIsKickedAndDone(): Promise<void> {
  const tube = 'story-bury';
  const { id } = await put(tube);
  const path = { reservation: (await take(tube)).reservation };
  await done(gateway.POST('/v1/reservations/{reservation}/bury', { params: { path } }));
  const { job } = await ok(
    gateway.GET('/v1/tubes/{tube}/peek', { params: { path: { tube }, query: { state: 'buried' } } }),
  );
  assert.equal(job.id, id);
  const { kicked } = await ok(
    gateway.POST('/v1/tubes/{tube}/kick', { params: { path: { tube }, query: { bound: 10 } } }),
  );
  assert.equal(kicked, 1);
  const { reservation } = await take(tube);
  await done(finish(reservation));
  await done(finish(reservation));
  const ended = await refused('reservation-ended', touch(reservation));
  assert.equal(ended.status, 410);
  assert.equal(ended.reason, 'deleted');
}

async function twoTubesAreOneWait(): Promise<void> {
  const tubes = ['story-a', 'story-b'];
  for (const tube of tubes) await put(tube);
  const { reservations } = await ok(
    gateway.POST('/v1/reservations', { params: { query: { tube: tubes, count: 2 } } }),
  );
  assert.deepEqual(reservations.map(({ job }) => job.tube).sort(), tubes);
}

async function reservationsAreSettledTogether(): Promise<void> {
  const tube = 'story-settle';
  for (const text of ['one', 'two']) await put(tube, text);
  const [first, second] = [await take(tube), await take(tube)];
  const { results } = await ok(
    gateway.POST('/v1/reservations/batch', {
      body: {
        settle: [
          { reservation: first.reservation, action: 'delete' },
          { reservation: second.reservation, action: 'release', delay: 5 },
          { reservation: MADE_UP, action: 'touch' },
        ],
      },
    }),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    [204, 204, 404],
  );
}

async function figuresAreNumbers(): Promise<void> {
  const tube = 'story-figures';
  await put(tube);
  const about = await ok(gateway.GET('/v1/tubes/{tube}', { params: { path: { tube } } }));
  const ready: number = about.currentJobsReady;
  assert.equal(ready, 1);
  const { tubes } = await ok(gateway.GET('/v1/tubes'));
  assert.ok(tubes.some(({ name, totalJobs }) => name === tube && totalJobs === 1));
  const server = await ok(gateway.GET('/v1/server'));
  const [maxJobSize, cpu]: readonly number[] = [server.maxJobSize, server.rusageUtime];
  assert.equal(maxJobSize, 65_535);
  assert.equal(typeof cpu, 'number');
}

async function problemsAreTyped(): Promise<void> {
  const tube = 'story-problems';
  const path = { tube };
  const invalid = await refused(
    'invalid-request',
    gateway.POST('/v1/tubes/{tube}/reservations', { params: { path, query: { count: 101 } } }),
  );
  assert.equal(invalid.errors?.[0]?.name, 'count');
  const job = (id: string) => ({ params: { path: { id } } });
  await refused('job-not-found', gateway.GET('/v1/jobs/{id}', job('999999')));
  const nowhere = { params: { path: { tube: 'story-nowhere' } } };
  await refused('tube-not-found', gateway.GET('/v1/tubes/{tube}', nowhere));
  const madeUp = { params: { path: { reservation: MADE_UP } } };
  await refused('reservation-not-found', gateway.GET('/v1/reservations/{reservation}', madeUp));
  const { id } = await put(tube);
  await take(tube);
  const held = await refused('job-state-conflict', gateway.DELETE('/v1/jobs/{id}', job(id)));
  assert.equal(held.state, 'reserved');
  const tooBig = gateway.POST('/v1/tubes/{tube}/jobs', { params: { path }, ...raw('x'.repeat(65_536)) });
  assert.equal((await refused('job-too-big', tooBig)).maxJobSize, 65_535);
}

async function aKeyOpensItsTubes(): Promise<void> {
  const stranger = createClient<paths>({ baseUrl: KEYED_URL });
  const insider = createClient<paths>({
    baseUrl: KEYED_URL,
    headers: { Authorization: `Bearer ${KEY}` },
  });
  const into = (tube: string) => ({ params: { path: { tube } }, ...raw('a job') });
  await refused('unauthorized', stranger.POST('/v1/tubes/{tube}/jobs', into('story-keys')));
  await refused('forbidden', insider.POST('/v1/tubes/{tube}/jobs', into('elsewhere')));
  const { response } = await insider.POST('/v1/tubes/{tube}/jobs', into('story-keys'));
  assert.equal(response.status, 201);
}

async function everyOtherProblemIsTyped(): Promise<void> {
  const mirror = createClient<paths>({ baseUrl: MIRROR_URL });
  for (const name of MIRRORED.split(',')) {
    const call = mirror.POST('/v1/tubes/{tube}/jobs', { params: { path: { tube: name } }, ...raw('a job') });
    const { outcome } = await refused(name, call);
    assert.ok(outcome === 'none' || outcome === 'unknown', name);
  }
}

async function whoGivesUpLosesNothing(): Promise<void> {
  const tube = 'story-patience';
  const params = { path: { tube }, query: { timeout: 30 } };
  const reserve = (milliseconds: number) =>
    gateway.POST('/v1/tubes/{tube}/reservations', { params, signal: AbortSignal.timeout(milliseconds) });
  const impatient = assert.rejects(reserve(1_000), { name: 'TimeoutError' });
  await someoneWaits(tube);
  await impatient;
  const { id } = await put(tube);
  assert.equal((await take(tube)).job.id, id);

  const patient = reserve(40_000);
  await someoneWaits(tube);
  await put(tube);
  assert.equal((await ok(patient)).reservations.length, 1);
}

await bytesComeBackAsTheyWent();
await aRetryWithItsKeyPutsNothing();
await oneBadJobDoesNotFailTheOthers();
await aWaitIsAnsweredByAPut();
await aTouchGainsTime();
await aReleasedJobIsKicked();
await aBuriedJobIsKickedAndDone();
await twoTubesAreOneWait();
await reservationsAreSettledTogether();
await figuresAreNumbers();
await problemsAreTyped();
await aKeyOpensItsTubes();
await everyOtherProblemIsTyped();
await whoGivesUpLosesNothing();
