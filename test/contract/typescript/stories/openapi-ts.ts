/*
 * The story of a few jobs, told by the client that @hey-api/openapi-ts makes of openapi/openapi.yaml. It is compiled with
 * that client, and run: it asserts, and says nothing when all is well.
 */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { createClient } from './client/client/index.ts';
import { client } from './client/client.gen.ts';
import {
  buryReservedJob,
  deleteJob,
  deleteReservedJob,
  getJob,
  getReservation,
  getServer,
  getTube,
  kickJob,
  kickJobs,
  listTubes,
  peekJob,
  putJob,
  putJobs,
  releaseReservedJob,
  reserveJobs,
  reserveJobsFromTubes,
  settleReservations,
  touchReservedJob,
} from './client/sdk.gen.ts';
import type { Problem, PutAnswer, Reservation } from './client/types.gen.ts';

const { GATEWAY_URL = '', KEYED_URL = '', KEY = '', MIRROR_URL = '', MIRRORED = '' } = process.env;
client.setConfig({ baseUrl: GATEWAY_URL });

const MADE_UP = '0'.repeat(32);

/** What a call that must succeed answered. */
async function ok<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<NonNullable<T>> {
  const { data, error } = await call;
  assert.ok(data, JSON.stringify(error));
  return data;
}

async function done(call: Promise<{ error?: unknown; response?: Response }>): Promise<void> {
  const { error, response } = await call;
  assert.equal(response?.status, 204, JSON.stringify(error));
}

/** The problem that a call must fail with. */
async function refused(
  name: string,
  call: Promise<{ error?: Problem; response?: Response }>,
): Promise<Problem> {
  const { error, response } = await call;
  assert.ok(error, `${response?.status} instead of ${name}`);
  assert.equal(error.type, `/problems/${name}`);
  assert.equal(error.status, response?.status);
  return error;
}

const put = (tube: string, text = 'a job'): Promise<PutAnswer> =>
  ok(putJob({ path: { tube }, body: new Blob([text]) }));

/** The next job of a tube, waited for. */
async function take(tube: string): Promise<Reservation> {
  const answer = await ok(reserveJobs({ path: { tube }, query: { timeout: 10 } }));
  // The other form is the raw body, which comes to who asks for it.
  assert.ok('reservations' in answer);
  const [taken] = answer.reservations;
  assert.ok(taken, `nothing comes to ${tube}`);
  return taken;
}

/** The first who waits for a tube makes it. */
async function someoneWaits(tube: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const { data } = await getTube({ path: { tube } });
    if (data && data.currentWaiting > 0) return;
    assert.ok(Date.now() < deadline, `nobody waits for ${tube}`);
    await setTimeout(10);
  }
}

async function bytesComeBackAsTheyWent(): Promise<void> {
  const tube = 'story-bytes/raw';
  const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x0a, 0x80]);
  const job = await ok(putJob({ path: { tube }, query: { priority: 7, ttr: 30 }, body: new Blob([bytes]) }));
  const id: string = job.id;
  const { reservation, ...taken } = await take(tube);
  assert.equal(taken.job.id, id);
  assert.equal(taken.job.priority, 7);
  assert.equal(taken.job.ttr, 30);
  assert.equal(taken.encoding, 'base64');
  assert.deepEqual(Buffer.from(taken.body, 'base64'), bytes);
  await done(releaseReservedJob({ path: { reservation } }));

  const raw = await reserveJobs({
    path: { tube },
    headers: { Accept: 'application/octet-stream' },
    parseAs: 'blob',
  });
  assert.ok(raw.data instanceof Blob);
  assert.deepEqual(Buffer.from(await raw.data.arrayBuffer()), bytes);
  assert.equal(raw.response?.headers.get('Job-Id'), id);
  const held = raw.response?.headers.get('Reservation') ?? '';
  await done(deleteReservedJob({ path: { reservation: held } }));
}

async function aRetryWithItsKeyPutsNothing(): Promise<void> {
  const putOnce = (text: string) =>
    putJob({
      path: { tube: 'story-once' },
      headers: { 'Idempotency-Key': 'story-4711' },
      body: new Blob([text]),
    });
  const { id } = await ok(putOnce('a job'));
  assert.equal((await ok(putOnce('a job'))).id, id);
  await refused('idempotency-key-reused', putOnce('another job'));
}

async function oneBadJobDoesNotFailTheOthers(): Promise<void> {
  const { results } = await ok(
    putJobs({
      path: { tube: 'story-batch' },
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
  const touched = await ok(touchReservedJob({ path: { reservation } }));
  // Types alone make no Date.
  assert.ok(new Date(touched.expiresAt) > new Date(expiresAt));
}

async function aReleasedJobIsKicked(): Promise<void> {
  const tube = 'story-release';
  const { id } = await put(tube);
  const { reservation } = await take(tube);
  await done(releaseReservedJob({ path: { reservation }, query: { delay: 100 } }));
  const found = await ok(getJob({ path: { id } }));
  assert.ok('job' in found);
  assert.equal(found.job.state, 'delayed');
  await done(kickJob({ path: { id } }));
  assert.equal((await take(tube)).job.id, id);
}

async function aBuriedJobIsKickedAndDone(): Promise<void> {
  const tube = 'story-bury';
  const { id } = await put(tube);
  await done(buryReservedJob({ path: { reservation: (await take(tube)).reservation } }));
  const found = await ok(peekJob({ path: { tube }, query: { state: 'buried' } }));
  assert.ok('job' in found);
  assert.equal(found.job.id, id);
  assert.equal((await ok(kickJobs({ path: { tube }, query: { bound: 10 } }))).kicked, 1);
  const { reservation } = await take(tube);
  await done(deleteReservedJob({ path: { reservation } }));
  await done(deleteReservedJob({ path: { reservation } }));
  const ended = await refused('reservation-ended', touchReservedJob({ path: { reservation } }));
  assert.equal(ended.status, 410);
  assert.equal(ended.reason, 'deleted');
}

async function twoTubesAreOneWait(): Promise<void> {
  const tubes = ['story-a', 'story-b'];
  for (const tube of tubes) await put(tube);
  const answer = await ok(reserveJobsFromTubes({ query: { tube: tubes, count: 2 } }));
  assert.ok('reservations' in answer);
  assert.deepEqual(answer.reservations.map(({ job }) => job.tube).sort(), tubes);
}

async function reservationsAreSettledTogether(): Promise<void> {
  const tube = 'story-settle';
  for (const text of ['one', 'two']) await put(tube, text);
  const [first, second] = [await take(tube), await take(tube)];
  const { results } = await ok(
    settleReservations({
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
  const ready: number = (await ok(getTube({ path: { tube } }))).currentJobsReady;
  assert.equal(ready, 1);
  const { tubes } = await ok(listTubes());
  assert.ok(tubes.some(({ name, totalJobs }) => name === tube && totalJobs === 1));
  const server = await ok(getServer());
  const [maxJobSize, cpu]: readonly number[] = [server.maxJobSize, server.rusageUtime];
  assert.equal(maxJobSize, 65_535);
  assert.equal(typeof cpu, 'number');
}

async function problemsAreTyped(): Promise<void> {
  const tube = 'story-problems';
  const path = { tube };
  const invalid = await refused('invalid-request', reserveJobs({ path, query: { count: 101 } }));
  assert.equal(invalid.errors?.[0]?.name, 'count');
  await refused('job-not-found', getJob({ path: { id: '999999' } }));
  await refused('tube-not-found', getTube({ path: { tube: 'story-nowhere' } }));
  await refused('reservation-not-found', getReservation({ path: { reservation: MADE_UP } }));
  const { id } = await put(tube);
  await take(tube);
  assert.equal((await refused('job-state-conflict', deleteJob({ path: { id } }))).state, 'reserved');
  const tooBig = putJob({ path, body: new Blob(['x'.repeat(65_536)]) });
  assert.equal((await refused('job-too-big', tooBig)).maxJobSize, 65_535);
}

async function aKeyOpensItsTubes(): Promise<void> {
  const body = new Blob(['a job']);
  const stranger = createClient({ baseUrl: KEYED_URL });
  const insider = createClient({ baseUrl: KEYED_URL, auth: KEY });
  const path = { tube: 'story-keys' };
  await refused('unauthorized', putJob({ client: stranger, path, body }));
  await refused('forbidden', putJob({ client: insider, path: { tube: 'elsewhere' }, body }));
  const { response } = await putJob({ client: insider, path, body });
  assert.equal(response?.status, 201);
}

async function everyOtherProblemIsTyped(): Promise<void> {
  const mirror = createClient({ baseUrl: MIRROR_URL });
  for (const name of MIRRORED.split(',')) {
    const call = putJob({ client: mirror, path: { tube: name }, body: new Blob(['a job']) });
    const { outcome } = await refused(name, call);
    assert.ok(outcome === 'none' || outcome === 'unknown', name);
  }
}

async function whoGivesUpLosesNothing(): Promise<void> {
  const tube = 'story-patience';
  const impatient = reserveJobs({
    path: { tube },
    query: { timeout: 30 },
    signal: AbortSignal.timeout(1_000),
  });
  await someoneWaits(tube);
  const { error, response } = await impatient;
  assert.equal(response, undefined);
  assert.ok(error instanceof DOMException && error.name === 'TimeoutError');
  const { id } = await put(tube);
  assert.equal((await take(tube)).job.id, id);

  const patient = reserveJobs({
    path: { tube },
    query: { timeout: 30 },
    signal: AbortSignal.timeout(40_000),
  });
  await someoneWaits(tube);
  await put(tube);
  const answer = await ok(patient);
  assert.ok('reservations' in answer && answer.reservations.length === 1);
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
