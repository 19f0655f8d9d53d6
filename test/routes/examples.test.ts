import { Errors } from 'typebox/schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type House, openHouse } from './calls.ts';
import { type Answer, at } from './contract.ts';
import {
  type DescribedOperation,
  examplesIn,
  membersOf,
  operationsOf,
  partsOf,
  resolved,
} from './described-parts.ts';
import { shapeOf } from './shape.ts';

/*
 * What the document shows is what happens: each example fits its schema, each call is accepted as it is shown, and each
 * answer has the members that its example has.
 */

/** What a call is made with where its example cannot be: a job or a reservation has to be real. */
interface Instead {
  readonly path?: Readonly<Record<string, string>>;
  /** Undefined: left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let house: House;
let operations: readonly DescribedOperation[];

beforeAll(async () => {
  house = await openHouse();
  operations = operationsOf(resolved(house.gateway.app.swagger()));
});
afterAll(() => house.close());

test('every parameter, body and header has examples, and they fit its schema', () => {
  const parts = operations.flatMap(partsOf);
  expect(parts.filter(({ examples }) => examples.length === 0).map(({ where }) => where)).toEqual([]);
  const faults = parts.flatMap(({ where, schema, examples }) =>
    examples.flatMap((example) =>
      Errors(Object(schema), example)[1].map(
        ({ instancePath, message }) => `${where}${instancePath} ${message}`,
      ),
    ),
  );
  expect(faults).toEqual([]);
});

/** Makes the call as it is documented, all optional parameters included. */
async function call(id: string, instead: Instead = {}, mediaType = 'application/json'): Promise<Answer> {
  const { method, path, described } = operationOf(id);
  const parameters = membersOf(at(described, 'parameters')).map(([, parameter]) => ({
    place: at(parameter, 'in'),
    name: String(at(parameter, 'name')),
    example: examplesIn(parameter)[0],
  }));
  const inPath = parameters.filter(({ place }) => place === 'path');
  const target = inPath.reduce(
    (filled, { name, example }) =>
      filled.replace(`{${name}}`, encodeURIComponent(instead.path?.[name] ?? String(example))),
    path,
  );
  const query = new URLSearchParams();
  for (const { name, example } of parameters.filter(({ place }) => place === 'query')) {
    const values = name in (instead.query ?? {}) ? instead.query?.[name] : example;
    for (const value of [values ?? []].flat()) query.append(name, String(value));
  }
  const inHeaders = parameters.filter(({ place }) => place === 'header');
  const shown = examplesIn(at(described, 'requestBody', 'content', mediaType))[0];
  const body =
    instead.body ?? (typeof shown === 'string' || shown === undefined ? shown : JSON.stringify(shown));
  return house.calls.call(method, `${target}${query.size > 0 ? `?${query}` : ''}`, {
    headers: {
      ...Object.fromEntries(inHeaders.map(({ name, example }) => [name, String(example)])),
      ...(body === undefined ? {} : { 'content-type': mediaType }),
      ...instead.headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

function operationOf(id: string): DescribedOperation {
  const found = operations.find((operation) => operation.id === id);
  if (found === undefined) throw new Error(`the document has no ${id}`);
  return found;
}

const RAW = { accept: 'application/octet-stream' };
/** The example of deadlineMs is about a wait. */
const NO_WAIT = { timeout: '0', deadlineMs: undefined };

const put = (tube = 'mail', options = {}) => house.raw.put(tube, 'Hello, worker!', options);

async function buried(tube = 'mail'): Promise<string> {
  const id = await put(tube);
  const token = at(await house.calls.ok(200, 'POST', `/v1/jobs/${id}/reservation`), 'reservation');
  await house.calls.ok(204, 'POST', `/v1/reservations/${token}/bury`);
  return id;
}

async function held(options = {}): Promise<{ readonly reservation: string }> {
  const id = await put('held', options);
  return {
    reservation: String(at(await house.calls.ok(200, 'POST', `/v1/jobs/${id}/reservation`), 'reservation')),
  };
}

async function expired(): Promise<string> {
  const { reservation } = await held({ ttr: 1 });
  const look = () => house.calls.call('GET', `/v1/reservations/${reservation}`);
  await poll('it expires', async () => (await look()).status === 410);
  return reservation;
}

/** By operation, status and form: brings about the answer that is shown. */
const ANSWERS: Readonly<Record<string, () => Promise<Answer>>> = {
  'putJob 201 application/json': () => call('putJob', {}, 'application/octet-stream'),
  'putJobs 200 application/json': () => {
    const jobs = [{ body: 'Hello!' }, { body: 'x'.repeat(65_536) }];
    return call('putJobs', { path: { tube: 'batch' }, body: JSON.stringify({ jobs }) });
  },
  'reserveJobs 200 application/json': async () => {
    await put();
    return call('reserveJobs');
  },
  'reserveJobs 201 application/octet-stream': async () => {
    await put();
    return call('reserveJobs', { query: { count: '1' }, headers: RAW });
  },
  'reserveJobs 204 ': () =>
    call('reserveJobs', { path: { tube: 'none' }, query: { ...NO_WAIT, count: '1' }, headers: RAW }),
  'reserveJobsFromTubes 200 application/json': async () => {
    await put('sms');
    return call('reserveJobsFromTubes');
  },
  'reserveJobsFromTubes 201 application/octet-stream': async () => {
    await put('sms');
    return call('reserveJobsFromTubes', { query: { count: '1' }, headers: RAW });
  },
  'reserveJobsFromTubes 204 ': () =>
    call('reserveJobsFromTubes', { query: { ...NO_WAIT, tube: 'none', count: '1' }, headers: RAW }),
  'reserveJobById 200 application/json': async () => call('reserveJobById', { path: { id: await put() } }),
  'reserveJobById 201 application/octet-stream': async () =>
    call('reserveJobById', { path: { id: await put() }, headers: RAW }),
  'getReservation 200 application/json': async () => call('getReservation', { path: await held() }),
  'deleteReservedJob 204 ': async () => call('deleteReservedJob', { path: await held() }),
  'releaseReservedJob 204 ': async () => call('releaseReservedJob', { path: await held() }),
  'buryReservedJob 204 ': async () => call('buryReservedJob', { path: await held() }),
  'touchReservedJob 200 application/json': async () => call('touchReservedJob', { path: await held() }),
  'settleReservations 200 application/json': async () => {
    const settle = [
      { ...(await held()), action: 'delete' },
      { reservation: await expired(), action: 'release', delay: 30 },
    ];
    return call('settleReservations', { body: JSON.stringify({ settle }) });
  },
  'getJob 200 application/json': async () => call('getJob', { path: { id: await put() } }),
  'getJob 200 application/octet-stream': async () =>
    call('getJob', { path: { id: await put() }, headers: RAW }),
  'deleteJob 204 ': async () => call('deleteJob', { path: { id: await put() } }),
  'kickJob 204 ': async () => call('kickJob', { path: { id: await buried() } }),
  'peekJob 200 application/json': async () => {
    await buried();
    return call('peekJob');
  },
  'peekJob 200 application/octet-stream': async () => {
    await buried();
    return call('peekJob', { headers: RAW });
  },
  'kickJobs 200 application/json': async () => {
    await buried();
    return call('kickJobs');
  },
  'pauseTube 204 ': async () => {
    await put('paused');
    return call('pauseTube', { path: { tube: 'paused' } });
  },
  'clearTube 200 application/json': async () => {
    await put('cleared');
    return call('clearTube', { path: { tube: 'cleared' } });
  },
  'getTube 200 application/json': async () => {
    await put();
    return call('getTube');
  },
  'listTubes 200 application/json': () => call('listTubes'),
  'getServer 200 application/json': () => call('getServer'),
  'getWelcome 200 application/json': () => call('getWelcome'),
  'getWelcome 302 ': () => call('getWelcome', { headers: { accept: 'text/html' } }),
  'getLiveness 200 application/json': () => call('getLiveness'),
  'getReadiness 200 application/json': () => call('getReadiness'),
  'getMetrics 200 text/plain': () => call('getMetrics'),
  'getProblem 200 application/json': () => call('getProblem'),
  'getProblem 200 text/html': () => call('getProblem', { headers: { accept: 'text/html' } }),
};

describe('each answer but problems', () => {
  test('is brought about below', () => {
    const documented = operations.flatMap(({ id, described }) =>
      membersOf(at(described, 'responses'))
        .filter(([status]) => Number(status) < 400)
        .flatMap(([status, response]) => {
          const forms = Object.keys(Object(at(response, 'content')));
          return (forms.length === 0 ? [''] : forms).map((form) => `${id} ${status} ${form}`);
        }),
    );
    expect(Object.keys(ANSWERS).sort()).toEqual(documented.sort());
  });

  test.each(Object.keys(ANSWERS))('has the members that its example has: %s', async (name) => {
    const [id = '', status = '', form = ''] = name.split(' ');
    const answer = await ANSWERS[name]?.();
    expect(answer?.status, answer?.text).toBe(Number(status));
    expect(String(answer?.headers['content-type'] ?? '').split(';')[0]).toBe(form);
    if (form !== 'application/json') return;
    const [example] = examplesIn(at(operationOf(id).described, 'responses', status, 'content', form));
    expect(shapeOf(answer?.json())).toEqual(shapeOf(example));
  });
});

test.each([
  ['putJobs', 'application/json'],
  ['putJobs', 'application/x-ndjson'],
  ['settleReservations', 'application/json'],
])('a batch is accepted as it is shown: %s, %s', async (id, mediaType) => {
  const answer = await call(id, { path: { tube: mediaType } }, mediaType);
  expect(answer.status, answer.text).toBe(200);
  const results = at(answer.json(), 'results');
  // The reservations that are shown are nobody's.
  const expected = id === 'putJobs' ? 201 : 404;
  expect(Array.isArray(results) && results.map((result) => at(result, 'status'))).toEqual([
    expected,
    expected,
  ]);
});
