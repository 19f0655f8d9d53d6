import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { expectProblem, House, idIn, jsonOf, reservationsIn, resultsIn } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

/*
 * Good and bad calls at once. Every good one has bodies and a tube of its own, so that an answer that belongs
 * to another call shows; the counters behind show what reached beanstalkd that should not have.
 */

const CRLF = '\r\n';
const INJECTIONS = [
  `${CRLF}put 0 0 60 1${CRLF}x${CRLF}`,
  `x${CRLF}delete 1`,
  `${CRLF}quit${CRLF}`,
  '\nkick 100\n',
  'a b',
  'a 0 0 60',
  '\0',
  '-x',
  '',
  '..',
  'ä',
  'x'.repeat(201),
];
const NUMBERS = [
  '-1',
  '4294967296',
  '18446744073709551617',
  '1e9',
  '1.5',
  '',
  ' 1',
  '0x1',
  '١',
  `1${CRLF}quit`,
];

const injection = fc.oneof(
  fc.constantFrom(...INJECTIONS),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `${text}${CRLF}`),
);
const number = fc.constantFrom(...NUMBERS).map(encodeURIComponent);
const inPath = injection.map((text) =>
  text === '..' ? '%2E%2E' : encodeURIComponent(Buffer.from(text).toString()),
);
const json = { 'content-type': 'application/json' };

interface Bad {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

const bad: fc.Arbitrary<Bad> = fc.oneof(
  inPath.map((tube) => ({ method: 'POST', path: `/v1/tubes/${tube}/jobs`, body: 'bad' })),
  inPath.map((tube) => ({ method: 'POST', path: `/v1/tubes/${tube}/reservations?timeout=1` })),
  inPath.map((tube) => ({ method: 'POST', path: `/v1/reservations?tube=ok&tube=${tube}` })),
  inPath.map((id) => ({ method: 'POST', path: `/v1/jobs/${id}/reservation` })),
  inPath.map((id) => ({ method: 'DELETE', path: `/v1/jobs/${id}` })),
  inPath.map((token) => ({ method: 'DELETE', path: `/v1/reservations/${token}%0D` })),
  inPath.map((name) => ({ method: 'POST', path: `/v1/tubes/never/jobs?${name}x=1`, body: 'bad' })),
  fc
    .tuple(fc.constantFrom('priority', 'delay', 'ttr'), number)
    .map(([name, value]) => ({ method: 'POST', path: `/v1/tubes/never/jobs?${name}=${value}`, body: 'bad' })),
  fc
    .tuple(fc.constantFrom('timeout', 'count', 'deadlineMs'), number)
    .map(([name, value]) => ({ method: 'POST', path: `/v1/tubes/never/reservations?${name}=${value}` })),
  number.map((bound) => ({ method: 'POST', path: `/v1/tubes/never/kick?bound=${bound}` })),
  number.map((delay) => ({ method: 'POST', path: `/v1/tubes/never/pause?delay=${delay}` })),
  fc.constantFrom('{"jobs":', '[]', '{"jobs":[]}', 'put 0 0 60 1\r\nx\r\n', '\0').map((body) => ({
    method: 'POST',
    path: '/v1/tubes/never/jobs/batch',
    headers: json,
    body,
  })),
);

type Good = { readonly kind: 'put' | 'batch' | 'work' | 'waiting' } & { readonly text: string };

const good: fc.Arbitrary<Good> = fc.record({
  kind: fc.constantFrom('put', 'batch', 'work', 'waiting'),
  /** Bodies that would be commands, were they read as such. */
  text: fc
    .oneof(injection, fc.string({ unit: 'binary', maxLength: 3_000 }))
    .map((text) => Buffer.from(text).toString()),
});

let calls = 0;

interface Made {
  readonly id: string;
  readonly tube: string;
  readonly body: string;
}

/** Carries a good call out; resolves with the jobs that are in beanstalkd afterwards. */
async function carryOut({ kind, text }: Good): Promise<{ made: Made[]; puts: number; deletes: number }> {
  calls += 1;
  const tube = `good/${calls}`;
  const path = `/v1/tubes/${encodeURIComponent(tube)}`;
  const body = `${calls} ${text}`;
  switch (kind) {
    case 'put': {
      const answer = await house.post(`${path}/jobs?priority=${calls}`, { body });
      const id = idIn(answer);
      expect(jsonOf(answer)).toEqual({ id, tube, state: 'ready' });
      return { made: [{ id, tube, body }], puts: 1, deletes: 0 };
    }
    case 'batch': {
      const jobs = [
        { body: `${body}0` },
        { body, ttr: 0 },
        { body: `${body}1` },
        { body, tube: `x${CRLF}quit` },
        { body: '\udfff' },
        { body: `${body}2`, encoding: 'utf-8' },
      ];
      const results = resultsIn(await house.batch(encodeURIComponent(tube), jobs));
      expect(results.map(({ status }) => status)).toEqual([201, 400, 201, 400, 400, 201]);
      const ids = results.flatMap(({ id }) => id ?? []);
      return { made: ids.map((id, n) => ({ id, tube, body: `${body}${n}` })), puts: 3, deletes: 0 };
    }
    case 'work': {
      const id = await house.put(tube, body);
      const taken = await house.reserveOne(tube);
      expect(taken).toMatchObject({ job: { id, tube, reserves: 1 }, body });
      expect((await house.call('DELETE', `/v1/reservations/${taken.reservation}`)).status).toBe(204);
      return { made: [], puts: 1, deletes: 1 };
    }
    case 'waiting': {
      const asking = house.post(`${path}/reservations?timeout=20`);
      const id = await house.put(tube, body);
      const [taken] = reservationsIn(await asking);
      expect(taken).toMatchObject({ job: { id, tube, reserves: 1 }, body });
      expect((await house.post(`/v1/reservations/${taken?.reservation}/bury`)).status).toBe(204);
      return { made: [{ id, tube, body }], puts: 1, deletes: 0 };
    }
  }
}

async function isRefused({ method, path, headers, body }: Bad): Promise<void> {
  const answer = await house.call(method, path, {
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  });
  expect([400, 404], `${method} ${path}`).toContain(answer.status);
  expectProblem(answer, answer.status, answer.status === 400 ? 'invalid-request' : 'route-not-found', {
    outcome: 'none',
  });
}

const COUNTERS = [
  'cmd-put',
  'cmd-delete',
  'cmd-release',
  'cmd-kick',
  'cmd-pause-tube',
  'total-jobs',
] as const;
const counters = async () => {
  const stats = await house.raw.stats('stats');
  return COUNTERS.map((name) => Number(stats?.[name]));
};

test('whatever is mixed, every answer belongs to its call, and nothing bad reaches beanstalkd', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(good, bad), { minLength: 5, maxLength: 40 }), async (mixed) => {
      const [puts = 0, deletes = 0, releases = 0, kicks = 0, pauses = 0, total = 0] = await counters();
      const done = await Promise.all(
        mixed.map(async (call) => ('kind' in call ? carryOut(call) : void (await isRefused(call)))),
      );
      const all = done.flatMap((one) => one ?? []);
      const sum = (of: 'puts' | 'deletes') => all.reduce((so, one) => so + one[of], 0);
      expect(await counters()).toEqual([
        puts + sum('puts'),
        deletes + sum('deletes'),
        releases,
        kicks,
        pauses,
        total + sum('puts'),
      ]);
      const made = all.flatMap((one) => one.made);
      expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
      for (const { id, tube, body } of made) {
        expect((await house.body(id))?.toString()).toBe(body);
        expect((await house.stat(id))['tube']).toBe(tube);
        expect(await house.raw.command(`delete ${id}`)).toBe('DELETED');
      }
      const tubes = await house.raw.list('list-tubes');
      expect(tubes.filter((tube) => tube !== 'default' && !/^good\/[0-9]+$/.test(tube))).toEqual([]);
      expect(Number((await house.raw.stats('stats'))?.['current-jobs-ready'])).toBe(0);
    }),
    { numRuns: 100 },
  );
});

/** All that comes back for these bytes, sent in one piece on a connection of their own. */
async function exchange(bytes: string): Promise<string> {
  const { hostname, port } = new URL(house.gateway.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

test.each([
  ['in the path', 'POST /v1/tubes/raw\r\nquit/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
  ['bare LF in the path', 'POST /v1/tubes/raw\nquit/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
  ['in the query', 'POST /v1/tubes/raw/jobs?ttr=1\r\nquit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in the path', 'POST /v1/tubes/raw\0/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
  ['no HTTP', 'put 0 0 60 1\r\nx\r\n'],
  [
    'two lengths',
    'POST /v1/tubes/raw/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
  ],
  [
    'a length and chunks',
    'POST /v1/tubes/raw/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
])('line ends as they are, %s: 400, and nothing is put', async (_name, bytes) => {
  const before = await counters();
  const answer = await exchange(bytes);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('"outcome":"none"');
  expect(await counters()).toEqual(before);
  expect(await house.raw.list('list-tubes')).not.toContain('raw');
});

test('garbage behind a put is not answered in its place', async () => {
  const before = await house.figure('cmd-put');
  const answer = await exchange(
    `POST /v1/tubes/good%2F0/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx{}garbage${CRLF}${CRLF}`,
  );
  const wasPut = (await house.figure('cmd-put')) > before;
  // Whoever reads that nothing was done puts it again.
  if (wasPut) expect(answer).not.toMatch(/^HTTP\/1\.1 400 /);
  else expect(answer).not.toMatch(/^HTTP\/1\.1 201 /);
});
