import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { at, expectProblem } from './contract.ts';
import { HostileCaller } from './hostile-caller.ts';
import { House } from './work.ts';

const BODY_MAX = 65_535;
const TIMEOUTS = { headersMs: 500, requestMs: 1_000, checkEveryMs: 50 };

const house = await House.open({ timeouts: TIMEOUTS, limits: { bodyMaxBytes: BODY_MAX, batchMax: 100 } });
afterAll(() => house.close());

const GIB = 1_073_741_824;

/** Every way to send a body: what may be sent, and what is refused before it is read. */
const PLACES = [
  ['a put', '/v1/tubes/bodies/jobs', ''],
  ['a batch of puts', '/v1/tubes/bodies/jobs/batch', 'Content-Type: application/json\r\n'],
  ['a batch of settles', '/v1/reservations/batch', 'Content-Type: application/json\r\n'],
  ['a call that takes none', '/v1/tubes/bodies/reservations', ''],
  ['a path that is none', '/nope', ''],
] as const;
const READ = PLACES.slice(0, 3);

const head = (path: string, headers: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const bodyBytes = () => house.gateway.pool.snapshot().bodyBytes;

/** A good call of somebody else, all memory given back, and no job made. */
async function expectUnharmed(): Promise<void> {
  await poll('the memory is given back', () => bodyBytes() === 0);
  expect(await house.figure('total-jobs')).toBe(0);
  expect((await house.call('GET', '/v1/server')).status).toBe(200);
}

describe('a gibibyte is announced', () => {
  const cases = PLACES.flatMap(([name, path, headers]) =>
    ['', 'Expect: 100-continue\r\n'].map(
      (expects) => [name, expects.trim(), path, headers + expects] as const,
    ),
  );
  test.each(cases)(
    'to %s %s: refused unread, and the connection closed',
    async (_name, _expects, path, headers) => {
      const caller = await HostileCaller.saying(
        house.gateway,
        head(path, `${headers}Content-Length: ${GIB}\r\n`),
      );
      await caller.untilAnswers(1);
      expect(bodyBytes()).toBe(0);
      await caller.untilGivenUp();
      const [answer, ...more] = caller.answers;
      expect(more).toEqual([]);
      if (answer === undefined) throw new Error('no answer');
      expectProblem(answer, path.startsWith('/v1/'));
      expect([400, 404, 413]).toContain(answer.status);
      expect(answer.headers.connection).toBe('close');
      await expectUnharmed();
    },
  );
});

describe('chunks that never end', () => {
  test.each(PLACES)('to %s: cut off at the limit', async (_name, path, headers) => {
    const caller = await HostileCaller.saying(
      house.gateway,
      head(path, `${headers}Transfer-Encoding: chunked\r\n`),
    );
    let most = 0;
    const more = setInterval(() => {
      caller.says(`1000\r\n${'x'.repeat(0x1000)}\r\n`);
      most = Math.max(most, bodyBytes());
    }, 1);
    try {
      await caller.untilAnswers(1);
      await caller.untilGivenUp();
    } finally {
      clearInterval(more);
    }
    const [answer] = caller.answers;
    if (answer === undefined) throw new Error('no answer');
    expectProblem(answer, path.startsWith('/v1/'));
    expect(answer.headers.connection).toBe('close');
    expect(answer.status).not.toBe(408);
    expect(most).toBeLessThan(8 * BODY_MAX);
    await expectUnharmed();
  });
});

describe('a body that is slow', () => {
  test.each(READ)(
    'to %s: 408, and the memory is free although the caller stays',
    async (_name, path, headers) => {
      const caller = await HostileCaller.saying(
        house.gateway,
        head(path, `${headers}Content-Length: 20000\r\n`),
        { staysOpen: true },
      );
      await poll('the memory is taken', () => bodyBytes() === 20_000);
      const from = performance.now();
      const more = setInterval(() => caller.says('x'), 20);
      try {
        await caller.untilAnswers(1);
        expect(performance.now() - from).toBeGreaterThan(TIMEOUTS.requestMs / 2);
        await caller.untilGivenUp();
      } finally {
        clearInterval(more);
      }
      const [answer] = caller.answers;
      if (answer === undefined) throw new Error('no answer');
      expectProblem(answer, true);
      expect(answer.status).toBe(408);
      expect(at(answer.json(), 'outcome')).toBe('none');
      await expectUnharmed();
    },
  );

  test.each([
    ['slow', 'Content-Length: 20000\r\n', 'x', 408],
    ['no chunk', 'Transfer-Encoding: chunked\r\n', '5\r\nabcde\r\nz\r\n', 400],
  ])('and %s, of a call that asks for an upgrade: the same', async (_name, headers, body, status) => {
    const upgrade = head('/v1/tubes/bodies/jobs', `Upgrade: x\r\n${headers}`);
    const caller = await HostileCaller.saying(house.gateway, `${upgrade}${body}`, { staysOpen: true });
    await caller.untilAnswers(1);
    await caller.untilGivenUp();
    expect(caller.answers.map((answer) => answer.status)).toEqual([status]);
    await expectUnharmed();
  });

  test('while an earlier call on the connection waits: its answer is its own', async () => {
    const waits = head('/v1/tubes/bodies/reservations?timeout=2', '');
    const slow = head('/v1/tubes/bodies/jobs', 'Content-Length: 3\r\n');
    const caller = await HostileCaller.saying(house.gateway, `${waits}${slow}x`);
    await caller.untilGivenUp();
    expect(caller.answers.map(({ status }) => status)).toEqual([200, 408]);
    await expectUnharmed();
  });
});

test('a body in pieces of one byte is whole, and takes little more memory than its bytes', async () => {
  const body = Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => n % 251));
  const own = await House.forTest({ args: ['-z', '1000000'], limits: { bodyMaxBytes: body.length } });
  const pieces = Buffer.concat(Array.from(body, (byte) => Buffer.from([0x31, 13, 10, byte, 13, 10])));
  const { heapUsed, external } = process.memoryUsage();
  const caller = await HostileCaller.saying(
    own.gateway,
    head('/v1/tubes/pieces/jobs', 'Transfer-Encoding: chunked\r\n'),
  );
  caller.says(pieces);
  await poll('all of it is there', () => own.gateway.pool.snapshot().bodyBytes === body.length);
  const now = process.memoryUsage();
  // Kept one by one, they take 200 MB.
  expect(now.heapUsed + now.external - heapUsed - external).toBeLessThan(100_000_000);
  caller.says('0\r\n\r\n');
  await caller.untilAnswers(1);
  expect(caller.answers[0]?.status).toBe(201);
  const found = await own.call('GET', '/v1/jobs/1', { headers: { accept: 'application/octet-stream' } });
  expect(found.bytes.equals(body)).toBe(true);
});

describe('a body that ends early', () => {
  test.each(
    READ.flatMap(([name, path, headers]) => [
      [name, 'a length', path, `${headers}Content-Length: 20000\r\n`] as const,
      [name, 'chunks', path, `${headers}Transfer-Encoding: chunked\r\n`] as const,
    ]),
  )('of %s with %s: nothing is done, and nothing kept', async (_name, _kind, path, headers) => {
    for (const end of ['end', 'reset'] as const) {
      const caller = await HostileCaller.saying(house.gateway, `${head(path, headers)}5\r\nabcde\r\n`);
      await poll('it has begun to read', () => bodyBytes() > 0);
      if (end === 'end') caller.socket.end();
      else caller.socket.resetAndDestroy();
      await caller.untilGivenUp();
      await expectUnharmed();
    }
  });
});

test('a thousand uploads that stand still take no more memory than there is, and give it back', async () => {
  const own = await House.forTest({
    timeouts: TIMEOUTS,
    limits: { bodyMaxBytes: 65_535 },
    pool: { bufferMaxBytes: 1_000_000 },
  });
  const upload = head('/v1/tubes/bodies/jobs', 'Content-Length: 50000\r\n');
  const callers = await Promise.all(
    Array.from({ length: 1_000 }, () => HostileCaller.saying(own.gateway, upload, { staysOpen: true })),
  );
  await poll(
    'all that cannot be taken are told',
    () => callers.filter(({ answers }) => answers.length > 0).length >= 980,
  );
  expect(own.gateway.pool.snapshot().bodyBytes).toBeLessThanOrEqual(1_000_000);
  await Promise.all(callers.map((caller) => caller.untilGivenUp(10_000)));
  expect(new Set(callers.map(({ answers }) => answers[0]?.status))).toEqual(new Set([503, 408]));
  await poll('the memory is given back', () => own.gateway.pool.snapshot().bodyBytes === 0);
  await own.put('bodies', 'x'.repeat(50_000));
  expect(await own.figure('total-jobs')).toBe(1);
});
