import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Asked, type House, openHouse } from './calls.ts';
import { at } from './contract.ts';

let house: House;
let figuresBefore: unknown;
beforeAll(async () => {
  house = await openHouse();
  figuresBefore = await commandsOfJobs();
});
/** Nothing bad reaches a socket. */
afterAll(async () => {
  expect(await commandsOfJobs()).toEqual(figuresBefore);
  await house.close();
});

/** beanstalkd's counts of everything that only calls bring about. */
async function commandsOfJobs(): Promise<unknown> {
  const stats = (await house.raw.stats('stats')) ?? {};
  const counted = (name: string) =>
    (name.startsWith('cmd-') && name !== 'cmd-stats' && name !== 'cmd-list-tube-used') ||
    name === 'total-jobs';
  return Object.entries(stats).filter(([name]) => counted(name));
}

const UINT32_MAX = 4_294_967_295;
const TOKEN = '0b8f8e1e-5a0c-4b0e-9d0a-3f1f6f0f6a51';
const NOT_NUMBERS = [
  '',
  '1e3',
  '0x10',
  '%205',
  '5%20',
  '-1',
  '-0',
  '%2B1',
  '+1',
  '1.5',
  '1.0',
  '1,5',
  '1_0',
  '5n',
  'ten',
  'NaN',
  'Infinity',
  'true',
  'null',
  '%D9%A3',
  '5%00',
  '%',
  '99999999999999999999',
];

const batch: Asked = {
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ jobs: [{ body: 'x' }] }),
};
const settle: Asked = {
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ settle: [{ reservation: TOKEN, action: 'delete' }] }),
};

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** What the call needs to be right otherwise. */
  readonly query?: string;
  readonly asked?: Asked;
  readonly numbers?: Readonly<Record<string, readonly [min: number, max: number]>>;
}

const waits = { timeout: [0, 300], deadlineMs: [100, 360_000], count: [1, 100] } as const;

const OPERATIONS: readonly Operation[] = [
  {
    id: 'putJob',
    method: 'POST',
    path: '/v1/tubes/{tube}/jobs',
    numbers: { priority: [0, UINT32_MAX], delay: [0, UINT32_MAX], ttr: [1, UINT32_MAX] },
  },
  { id: 'putJobs', method: 'POST', path: '/v1/tubes/{tube}/jobs/batch', asked: batch },
  { id: 'reserveJobs', method: 'POST', path: '/v1/tubes/{tube}/reservations', numbers: waits },
  {
    id: 'reserveJobsFromTubes',
    method: 'POST',
    path: '/v1/reservations',
    query: 'tube=a&tube=b',
    numbers: waits,
  },
  { id: 'reserveJobById', method: 'POST', path: '/v1/jobs/{id}/reservation' },
  { id: 'getReservation', method: 'GET', path: '/v1/reservations/{reservation}' },
  { id: 'deleteReservedJob', method: 'DELETE', path: '/v1/reservations/{reservation}' },
  {
    id: 'releaseReservedJob',
    method: 'POST',
    path: '/v1/reservations/{reservation}/release',
    numbers: { priority: [0, UINT32_MAX], delay: [0, UINT32_MAX] },
  },
  {
    id: 'buryReservedJob',
    method: 'POST',
    path: '/v1/reservations/{reservation}/bury',
    numbers: { priority: [0, UINT32_MAX] },
  },
  { id: 'touchReservedJob', method: 'POST', path: '/v1/reservations/{reservation}/touch' },
  { id: 'settleReservations', method: 'POST', path: '/v1/reservations/batch', asked: settle },
  { id: 'getJob', method: 'GET', path: '/v1/jobs/{id}' },
  { id: 'deleteJob', method: 'DELETE', path: '/v1/jobs/{id}' },
  { id: 'kickJob', method: 'POST', path: '/v1/jobs/{id}/kick' },
  { id: 'peekJob', method: 'GET', path: '/v1/tubes/{tube}/peek', query: 'state=ready' },
  { id: 'kickJobs', method: 'POST', path: '/v1/tubes/{tube}/kick', numbers: { bound: [1, UINT32_MAX] } },
  { id: 'pauseTube', method: 'POST', path: '/v1/tubes/{tube}/pause', numbers: { delay: [0, UINT32_MAX] } },
  { id: 'getTube', method: 'GET', path: '/v1/tubes/{tube}' },
  { id: 'listTubes', method: 'GET', path: '/v1/tubes' },
  {
    id: 'clearTube',
    method: 'DELETE',
    path: '/v1/tubes/{tube}/jobs',
    query: 'state=ready',
    numbers: { limit: [1, 100_000] },
  },
  { id: 'getServer', method: 'GET', path: '/v1/server' },
  { id: 'getLiveness', method: 'GET', path: '/livez' },
  { id: 'getReadiness', method: 'GET', path: '/readyz' },
  { id: 'getMetrics', method: 'GET', path: '/metrics' },
  { id: 'getWelcome', method: 'GET', path: '/' },
  { id: 'getProblem', method: 'GET', path: '/problems/{name}' },
];

const fill = (path: string, parameters: Readonly<Record<string, string>> = {}) =>
  Object.entries({ tube: 't', id: '7', reservation: TOKEN, name: 'overloaded', ...parameters }).reduce(
    (filled, [name, value]) => filled.replace(`{${name}}`, () => value),
    path,
  );

async function refused(
  { method, path, query = '', asked }: Operation,
  where: string,
  name: string,
  { extra = '', parameters = {} }: { extra?: string; parameters?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const search = [query, extra].filter((part) => part !== '').join('&');
  const target = fill(path, parameters) + (search === '' ? '' : `?${search}`);
  const { problem } = await house.calls.problem('invalid-request', method, target, asked);
  expect(at(problem, 'errors'), `${method} ${target}`).toContainEqual({
    in: where,
    name,
    message: expect.stringMatching(/\S/),
  });
}

/** So many at once. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += 16)
    await Promise.all(items.slice(from, from + 16).map(run));
}

test('the table has every operation that is documented', () => {
  const documented = house.calls.contract.paths.flatMap((path) =>
    house.calls.contract.methodsOf(path).map((method) => `${method} ${path}`),
  );
  expect(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(documented.sort());
});

test('unknown query parameters are refused by name', async () => {
  const names = ['typo', 'Priority', 'TIMEOUT', 'tube[]', '__proto__', 'constructor', 'a.b', 'ä'];
  const cases = OPERATIONS.flatMap((operation) => names.map((name) => ({ operation, name })));
  await each(cases, ({ operation, name }) =>
    refused(operation, 'query', name, { extra: `${encodeURIComponent(name)}=1` }),
  );
});

test('several things wrong are all named', async () => {
  const { problem } = await house.calls.problem(
    'invalid-request',
    'POST',
    '/v1/tubes/-/jobs?priority=x&ttr=0&foo=1',
  );
  const errors = at(problem, 'errors');
  const named = Array.isArray(errors) ? errors.map((error) => at(error, 'name')) : [];
  // The path is checked before the query.
  expect(named.length).toBeGreaterThan(0);
  const { problem: queries } = await house.calls.problem(
    'invalid-request',
    'POST',
    '/v1/tubes/t/jobs?priority=x&ttr=0&foo=1',
  );
  expect(at(queries, 'errors')).toHaveLength(3);
});

describe('numbers', () => {
  const numbers = OPERATIONS.flatMap((operation) =>
    Object.entries(operation.numbers ?? {}).map(([name, range]) => ({ operation, name, range })),
  );
  test.for(numbers.map((one) => [`${one.operation.id} ${one.name}`, one] as const))(
    '%s',
    async ([, { operation, name, range }]) => {
      const [min, max] = range;
      const values = [...NOT_NUMBERS, String(max + 1), ...(min > 0 ? [String(min - 1)] : [])];
      await each(values, (value) => refused(operation, 'query', name, { extra: `${name}=${value}` }));
      await refused(operation, 'query', name, { extra: `${name}=${min}&${name}=${min}` });
      await refused(operation, 'query', name, { extra: name });
      await refused(operation, 'query', `${name}[]`, { extra: `${name}[]=${min}` });
    },
  );

  test('those that are needed', async () => {
    const needed = OPERATIONS.filter(({ id }) => id === 'kickJobs' || id === 'pauseTube');
    for (const operation of needed) {
      await refused(operation, 'query', operation.id === 'kickJobs' ? 'bound' : 'delay');
    }
  });
});

const BAD_TUBES = [
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '.%2E',
  'a'.repeat(201),
  '%61'.repeat(201),
  'a'.repeat(5_000),
  'a%20b',
  '%20a',
  'a%20',
  'a%0d%0adelete%201',
  'a%0a',
  'a%0D',
  '%00',
  'a%00',
  '%C3%A9',
  '%F0%9F%98%80',
  '-a',
  '%2Da',
  '-',
  'a~b',
  'a:b',
  'a%22b',
  'a%25b',
  'a,b',
  'a*b',
  'a@b',
  "a'b",
  'a%5Cb',
  'a%3Fb',
  'a%23b',
  'a=b',
  'a&b',
  '{a}',
  '%7F',
];
/** Not even percent-encoding, or not of UTF-8. */
const MALFORMED = ['%', 'a%', '%zz', '%f', '%ff', '%c3', '%ed%a0%80', 'a%2'];

describe('tubes', () => {
  const inPath = OPERATIONS.filter(({ path }) => path.includes('{tube}'));
  test.for(inPath.map((operation) => [operation.id, operation] as const))('of %s', async ([, operation]) => {
    await each(BAD_TUBES, (tube) => refused(operation, 'path', 'tube', { parameters: { tube } }));
    await each(MALFORMED, (tube) => refused(operation, 'path', '', { parameters: { tube } }));
  });

  test('of reserveJobsFromTubes', async () => {
    const operation = OPERATIONS.find(({ id }) => id === 'reserveJobsFromTubes');
    if (operation === undefined) throw new Error('not in the table');
    const tubes = [...BAD_TUBES.filter((tube) => tube !== 'a&b'), ...MALFORMED, ''];
    await each(tubes, (tube) => refused(operation, 'query', 'tube', { extra: `tube=${tube}` }));
    await refused({ ...operation, query: '' }, 'query', 'tube');
    const many = Array.from({ length: 101 }, (_, n) => `tube=t${n}`).join('&');
    await refused({ ...operation, query: many }, 'query', 'tube');
  });

  test('of the right grammar are looked for', async () => {
    const { calls } = house;
    const all = 'ABCXYZabcxyz0189-+/;.$_()';
    for (const tube of [all, 'a'.repeat(200), '/', '...', '.a', '1', '()-', '$', '+']) {
      await calls.problem('tube-not-found', 'GET', `/v1/tubes/${encodeURIComponent(tube)}`);
      const encoded = [...tube].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
      const { problem } = await calls.problem('tube-not-found', 'GET', `/v1/tubes/${encoded}`);
      expect(at(problem, 'detail')).toContain(tube);
    }
    figuresBefore = await commandsOfJobs();
  });
});

describe('ids', () => {
  const inPath = OPERATIONS.filter(({ path }) => path.includes('{id}'));
  const bad = [
    '00',
    '042',
    '-1',
    '%2B1',
    '18446744073709551616',
    '99999999999999999999',
    '100000000000000000000',
    '9'.repeat(3_000),
    'abc',
    '1a',
    '%201',
    '1%20',
    '1.0',
    '1e3',
    '0x1',
    '1%0d%0a',
    '%00',
    '%D9%A3',
  ];
  test.for(inPath.map((operation) => [operation.id, operation] as const))('of %s', async ([, operation]) => {
    await each(bad, (id) => refused(operation, 'path', 'id', { parameters: { id } }));
    await each(MALFORMED, (id) => refused(operation, 'path', '', { parameters: { id } }));
  });
});

test('reservations that cannot be any', async () => {
  const inPath = OPERATIONS.filter(({ path }) => path.includes('{reservation}'));
  const cases = inPath.flatMap((operation) =>
    ['a%20b', 'a%2Fb', '%00', 'a%0d%0ab', '%C3%A9', 'x'.repeat(201)].map((reservation) => ({
      operation,
      reservation,
    })),
  );
  await each(cases, ({ operation, reservation }) =>
    refused(operation, 'path', 'reservation', { parameters: { reservation } }),
  );
});

test('a body where none is taken', async () => {
  const taking = new Set(['putJob', 'putJobs', 'settleReservations']);
  const operations = OPERATIONS.filter(({ id, method }) => method !== 'GET' && !taking.has(id));
  expect(operations).toHaveLength(12);
  await each(operations, async (operation) => {
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'nonsense' },
      { 'transfer-encoding': 'chunked' },
      {},
    ]) {
      const number = Object.entries(operation.numbers ?? {}).map(([name, [min]]) => `${name}=${min}`);
      const extra = operation.id === 'kickJobs' || operation.id === 'pauseTube' ? (number[0] ?? '') : '';
      await refused({ ...operation, asked: { headers, body: '{}' } }, 'body', '', { extra });
    }
  });
});
