import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { RIGHTS, type Right } from '../../src/access/rights.ts';
import type { Need } from '../../src/routes/authorize.ts';
import { type Asked, type House, openHouse } from './calls.ts';
import { type Answer, at } from './contract.ts';
import { KeyFile } from './keyed.ts';

/*
 * Every operation, by every right, on a tube inside and outside of the key's patterns, with no key, a bad one and one that has
 * expired. An operation of the document that is not in the table fails it.
 */

/** What an operation touches, and so how one outside of the patterns is answered. */
type Touches = 'tube' | 'job' | 'reservation' | 'list' | 'server' | 'nothing';

interface Operation {
  readonly need: Need;
  readonly touches: Touches;
  readonly method: string;
  readonly path: (at: { readonly tube: string; readonly id: string; readonly token: string }) => string;
  readonly asked?: (at: { readonly token: string }) => Asked;
  /** The state in which the job of the tube has to be. */
  readonly state?: 'ready' | 'buried';
  readonly succeeds: number;
}

const json = (body: unknown): Asked => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const OPERATIONS: Readonly<Record<string, Operation>> = {
  putJob: {
    need: 'produce',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/tubes/${tube}/jobs`,
    succeeds: 201,
  },
  putJobs: {
    need: 'produce',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/tubes/${tube}/jobs/batch`,
    asked: () => json({ jobs: [{ body: 'x' }] }),
    succeeds: 200,
  },
  reserveJobs: {
    need: 'consume',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/tubes/${tube}/reservations`,
    succeeds: 200,
  },
  reserveJobsFromTubes: {
    need: 'consume',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/reservations?tube=in.other&tube=${tube}`,
    succeeds: 200,
  },
  reserveJobById: {
    need: 'consume',
    touches: 'job',
    method: 'POST',
    path: ({ id }) => `/v1/jobs/${id}/reservation`,
    succeeds: 200,
  },
  getReservation: {
    need: 'inspect',
    touches: 'reservation',
    method: 'GET',
    path: ({ token }) => `/v1/reservations/${token}`,
    succeeds: 200,
  },
  deleteReservedJob: {
    need: 'consume',
    touches: 'reservation',
    method: 'DELETE',
    path: ({ token }) => `/v1/reservations/${token}`,
    succeeds: 204,
  },
  releaseReservedJob: {
    need: 'consume',
    touches: 'reservation',
    method: 'POST',
    path: ({ token }) => `/v1/reservations/${token}/release`,
    succeeds: 204,
  },
  buryReservedJob: {
    need: 'consume',
    touches: 'reservation',
    method: 'POST',
    path: ({ token }) => `/v1/reservations/${token}/bury`,
    succeeds: 204,
  },
  touchReservedJob: {
    need: 'consume',
    touches: 'reservation',
    method: 'POST',
    path: ({ token }) => `/v1/reservations/${token}/touch`,
    succeeds: 200,
  },
  settleReservations: {
    need: 'consume',
    touches: 'reservation',
    method: 'POST',
    path: () => '/v1/reservations/batch',
    asked: ({ token }) => json({ settle: [{ reservation: token, action: 'delete' }] }),
    succeeds: 200,
  },
  getJob: {
    need: 'inspect',
    touches: 'job',
    method: 'GET',
    path: ({ id }) => `/v1/jobs/${id}`,
    succeeds: 200,
  },
  deleteJob: {
    need: 'admin',
    touches: 'job',
    method: 'DELETE',
    path: ({ id }) => `/v1/jobs/${id}`,
    succeeds: 204,
  },
  kickJob: {
    need: 'admin',
    touches: 'job',
    method: 'POST',
    path: ({ id }) => `/v1/jobs/${id}/kick`,
    state: 'buried',
    succeeds: 204,
  },
  peekJob: {
    need: 'inspect',
    touches: 'tube',
    method: 'GET',
    path: ({ tube }) => `/v1/tubes/${tube}/peek?state=ready`,
    succeeds: 200,
  },
  kickJobs: {
    need: 'admin',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/tubes/${tube}/kick?bound=1`,
    succeeds: 200,
  },
  pauseTube: {
    need: 'admin',
    touches: 'tube',
    method: 'POST',
    path: ({ tube }) => `/v1/tubes/${tube}/pause?delay=0`,
    succeeds: 204,
  },
  getTube: {
    need: 'inspect',
    touches: 'tube',
    method: 'GET',
    path: ({ tube }) => `/v1/tubes/${tube}`,
    succeeds: 200,
  },
  listTubes: { need: 'inspect', touches: 'list', method: 'GET', path: () => '/v1/tubes', succeeds: 200 },
  clearTube: {
    need: 'admin',
    touches: 'tube',
    method: 'DELETE',
    path: ({ tube }) => `/v1/tubes/${tube}/jobs?state=buried`,
    succeeds: 200,
  },
  getServer: { need: 'inspect', touches: 'server', method: 'GET', path: () => '/v1/server', succeeds: 200 },
  getMetrics: { need: 'inspect', touches: 'server', method: 'GET', path: () => '/metrics', succeeds: 200 },
  getWelcome: { need: 'any key', touches: 'nothing', method: 'GET', path: () => '/', succeeds: 200 },
  getProblem: {
    need: 'any key',
    touches: 'nothing',
    method: 'GET',
    path: () => '/problems/forbidden',
    succeeds: 200,
  },
  getLiveness: { need: 'nothing', touches: 'nothing', method: 'GET', path: () => '/livez', succeeds: 200 },
  getReadiness: { need: 'nothing', touches: 'nothing', method: 'GET', path: () => '/readyz', succeeds: 200 },
};

const INSIDE = 'in.a';
const OUTSIDE = 'out.a';
const NO_JOB = '18446744073709551615';
const NO_TOKEN = 'f'.repeat(32);

const file = new KeyFile({
  ...Object.fromEntries(RIGHTS.map((right) => [right, { rights: [right], tubes: ['in.*'] }])),
  // Who takes the reservations: getReservation needs another right than taking them.
  worker: { rights: ['consume', 'inspect'], tubes: ['*'] },
  'other-worker': { rights: ['consume', 'inspect'], tubes: ['*'] },
  everywhere: { rights: ['inspect'], tubes: ['*'] },
  expired: { rights: [...RIGHTS], tubes: ['*'], expires: '2020-01-01T00:00:00Z' },
});

let house: House;
beforeAll(async () => {
  house = await openHouse({
    app: {
      admission: {
        keys: file.keys,
        openMetrics: false,
        openDocs: false,
        waitsPerKey: 100,
        reservationsPerKey: 10_000,
      },
    },
  });
});
afterAll(async () => {
  await house.close();
  file.close();
});

/** A job in the tube, and a reservation of another one that `worker` holds. */
async function prepare(
  tube: string,
  { state = 'ready' }: Operation,
): Promise<{ tube: string; id: string; token: string }> {
  const { raw, calls } = house;
  await raw.put(tube, 'x');
  const reserved = await calls.ok(200, 'POST', `/v1/tubes/${tube}/reservations`, {
    headers: file.headers('worker'),
  });
  const token = String(at(reserved, 'reservations', 0, 'reservation'));
  const id = await raw.put(tube, 'x');
  if (state === 'buried') {
    await raw.command(`reserve-job ${id}`);
    await raw.bytes(1);
    await raw.command(`bury ${id} 0`);
  }
  onTestFinished(async () => {
    // Every test begins with empty tubes.
    await raw.command(`kick 1000`);
    for (let left = true; left; ) {
      const taken = await raw.reserve(tube);
      left = taken !== undefined;
      if (taken !== undefined) await raw.command(`delete ${taken.id}`);
    }
    await calls.call('DELETE', `/v1/reservations/${token}`, { headers: file.headers('worker') });
  });
  return { tube, id, token };
}

const callWith = (
  operation: Operation,
  key: string | undefined,
  place: { readonly tube: string; readonly id: string; readonly token: string },
): Promise<Answer> => {
  const asked = operation.asked?.(place) ?? {};
  const headers = { ...asked.headers, ...(key === undefined ? {} : file.headers(key)) };
  return house.calls.call(operation.method, operation.path(place), { ...asked, headers });
};

/** All of it that does not change from call to call. */
const sameFor = (answer: Answer, ...named: readonly string[]): unknown => {
  const text = named.reduce(
    (left, name) => left.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), '…'),
    answer.text,
  );
  return { status: answer.status, body: text.replace(/"requestId":"[^"]*"/, '') };
};

const STATUS_OF_RESULT = (answer: Answer): unknown => at(answer.json(), 'results', 0, 'status');

test('the table has every operation of the document, and its need', () => {
  const document: unknown = house.gateway.app.swagger();
  const documented = house.calls.contract.paths.flatMap((path) =>
    house.calls.contract.methodsOf(path).map((method) => at(document, 'paths', path, method.toLowerCase())),
  );
  expect(documented.map((operation) => at(operation, 'operationId')).sort()).toEqual(
    Object.keys(OPERATIONS).sort(),
  );
  for (const operation of documented) {
    const open = OPERATIONS[String(at(operation, 'operationId'))]?.need === 'nothing';
    expect(at(operation, 'security'), String(at(operation, 'operationId'))).toEqual(open ? [] : undefined);
  }
});

describe.each(Object.entries(OPERATIONS))('%s', (_name, operation) => {
  test.each([undefined, 'unknown', 'expired'])('with the key %s', async (key) => {
    const answer = await callWith(operation, key, await prepare(INSIDE, operation));
    if (operation.need === 'nothing') {
      expect(answer.status).toBe(operation.succeeds);
      return;
    }
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="beanstalkd-gateway"(, error="invalid_token")?$/,
    );
  });

  test.each(RIGHTS)('inside, with the right to %s alone', async (right) => {
    const place = await prepare(INSIDE, operation);
    const answer = await callWith(operation, right, place);
    expect(answer.status, answer.text).toBe(expectedInside(operation, right));
    if (
      answer.status === 200 &&
      operation.method === 'POST' &&
      operation.touches === 'reservation' &&
      operation.asked !== undefined
    )
      expect(STATUS_OF_RESULT(answer)).toBe(404);
  });

  test.each(RIGHTS)('outside, with the right to %s alone', async (right) => {
    const place = await prepare(OUTSIDE, operation);
    const answer = await callWith(operation, right, place);
    expect(answer.status, answer.text).toBe(expectedOutside(operation, right));
    if (operation.touches === 'list' && answer.status === 200) expect(answer.text).not.toContain(OUTSIDE);
    // Nothing tells whether it is there.
    const nowhere = { tube: 'out.none', id: NO_JOB, token: NO_TOKEN };
    const absent = await callWith(operation, right, nowhere);
    if (operation.touches !== 'list')
      expect(sameFor(answer, place.tube, place.id, place.token)).toEqual(
        sameFor(absent, ...Object.values(nowhere)),
      );
  });
});

/** The reservations of these tests are another key's, which each of these sees as none. */
function expectedInside(operation: Operation, right: Right): number {
  const { need, touches, succeeds } = operation;
  if (need !== right && need !== 'any key' && need !== 'nothing') return 403;
  if (touches === 'server') return 403;
  if (touches === 'reservation' && operation.asked === undefined) return 404;
  return succeeds;
}

function expectedOutside(operation: Operation, right: Right): number {
  const inside = expectedInside(operation, right);
  if (inside !== operation.succeeds) return inside;
  if (operation.touches === 'tube') return 403;
  return operation.touches === 'job' ? 404 : inside;
}

describe('a reservation belongs to the key that made it', () => {
  const settling = Object.entries(OPERATIONS).filter(([, { touches }]) => touches === 'reservation');

  test.each(settling)('%s', async (_name, operation) => {
    const place = await prepare(INSIDE, operation);
    const others = await callWith(operation, 'other-worker', place);
    if (operation.asked === undefined) expect(others.status).toBe(404);
    else expect(STATUS_OF_RESULT(others)).toBe(404);
    const own = await callWith(operation, 'worker', place);
    expect(own.status).toBe(operation.succeeds);
    if (operation.asked !== undefined) expect(STATUS_OF_RESULT(own)).toBe(204);
  });

  test('and so does its ending', async () => {
    const operation = OPERATIONS['deleteReservedJob'];
    if (operation === undefined) throw new Error('no such operation');
    const place = await prepare(INSIDE, operation);
    expect((await callWith(operation, 'worker', place)).status).toBe(204);
    expect((await callWith(operation, 'other-worker', place)).status).toBe(404);
    expect((await callWith(operation, 'worker', place)).status).toBe(204);
  });
});

test.each(['getServer', 'getMetrics'])('%s, with inspect on every tube', async (name) => {
  const operation = OPERATIONS[name];
  if (operation === undefined) throw new Error('no such operation');
  expect((await callWith(operation, 'everywhere', { tube: '', id: '', token: '' })).status).toBe(200);
});

test.each(['/docs', '/docs/static/index.css', '/openapi.json', '/openapi.yaml'])(
  'the page %s needs any key',
  async (path) => {
    expect((await house.calls.call('GET', path)).status).toBe(401);
    expect((await house.calls.call('GET', path, { headers: file.headers('produce') })).status).toBeLessThan(
      400,
    );
  },
);
