import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { bytesIn, House, idIn, resultsIn } from './work.ts';

const house = await House.open({ args: ['-z', '200000'] });
afterAll(() => house.close());

const one = (results: readonly { readonly id?: string }[]) => results[0]?.id ?? '';

/** Every way in. */
const WAYS_IN = {
  raw: (tube: string, body: Buffer) => house.put(tube, body),
  chunked: async (tube: string, body: Buffer) => {
    const headers = { 'transfer-encoding': 'chunked', 'content-type': 'application/json' };
    return idIn(await house.post(`/v1/tubes/${tube}/jobs`, { headers, body }));
  },
  base64: async (tube: string, body: Buffer) =>
    one(resultsIn(await house.batch(tube, [{ body: body.toString('base64'), encoding: 'base64' }]))),
  ndjson: async (tube: string, body: Buffer) => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const line = JSON.stringify({ body: body.toString('base64'), encoding: 'base64' });
    return one(resultsIn(await house.post(`/v1/tubes/${tube}/jobs/batch`, { headers, body: line })));
  },
  /** Only for bytes that are UTF-8. */
  text: async (tube: string, body: Buffer) =>
    one(
      resultsIn(
        await house.batch(tube, [{ body: new TextDecoder('utf-8', { ignoreBOM: true }).decode(body) }]),
      ),
    ),
};

const take = async (tube: string, query = '') => {
  const taken = await house.reserveOne(tube, query);
  return { id: taken.job.id, body: bytesIn(taken), token: taken.reservation };
};

/** Every way out. */
const WAYS_OUT = {
  json: (tube: string) => take(tube),
  base64: (tube: string) => take(tube, '?encoding=base64'),
  bytes: async (tube: string) => {
    const headers = { accept: 'application/octet-stream' };
    const answer = await house.post(`/v1/tubes/${tube}/reservations`, { headers });
    expect(answer.status).toBe(201);
    expect(answer.headers['content-length']).toBe(`${answer.bytes.length}`);
    return { id: answer.headers['job-id'], body: answer.bytes, token: answer.headers['reservation'] };
  },
  behind: async (tube: string) => {
    const job = await house.raw.reserve(tube);
    return { id: job?.id, body: job?.body, token: undefined };
  },
};

type In = keyof typeof WAYS_IN;
type Out = keyof typeof WAYS_OUT;

const IN: In[] = ['raw', 'chunked', 'base64', 'ndjson'];
const TEXT_IN: In[] = [...IN, 'text'];
const OUT: Out[] = ['json', 'base64', 'bytes', 'behind'];

async function comesOutAsItWentIn(way: In, out: Out, body: Buffer): Promise<void> {
  const tube = house.tube();
  const id = await WAYS_IN[way](tube, body);
  const taken = await WAYS_OUT[out](tube);
  expect(taken.id).toBe(id);
  // Not toEqual: its report of 70000 bytes takes minutes.
  expect(taken.body?.equals(body), `${way} to ${out}`).toBe(true);
  if (taken.token === undefined) {
    expect(await house.raw.command(`delete ${id}`)).toBe('DELETED');
  } else {
    expect((await house.call('DELETE', `/v1/reservations/${taken.token}`)).status).toBe(204);
  }
  expect(await house.raw.stateOf(id)).toBeUndefined();
}

/** Short ones in full variety, long ones as a piece that is repeated: cheap to make and to shrink. */
const long = <T>(short: fc.Arbitrary<T>, toBytes: (value: T) => Uint8Array) =>
  fc.oneof(
    short.map((value) => Buffer.from(toBytes(value))),
    fc.tuple(short, fc.nat({ max: 70_000 })).map(([value, length]) => {
      const piece = Buffer.from(toBytes(value));
      return Buffer.concat(
        Array.from({ length: Math.floor(length / Math.max(1, piece.length)) }, () => piece),
      );
    }),
  );

const bytes = long(
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom(0, 10, 13, 0x80, 0xef, 0xbb, 0xbf, 0xed, 0xa0))
      .map((list) => Uint8Array.from(list)),
  ),
  (value) => value,
);
const text = long(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(fc.constantFrom('\uFEFF', '\0', '\r\n', '\u2028', '"', '\\', '😀', '\uFFFD', '\u0080'), {
        maxLength: 30,
      })
      .map((list) => list.join('')),
  ),
  (value) => Buffer.from(value),
);

test('whatever the way in and out', async () => {
  for (const way of TEXT_IN) {
    for (const out of OUT) {
      for (const body of ['', '\uFEFF', '\0\r\n.\r\n']) await comesOutAsItWentIn(way, out, Buffer.from(body));
    }
  }
});

test('any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...IN), fc.constantFrom(...OUT), bytes, comesOutAsItWentIn),
    { numRuns: 250 },
  );
});

test('any text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...TEXT_IN), fc.constantFrom(...OUT), text, comesOutAsItWentIn),
    { numRuns: 250 },
  );
});
