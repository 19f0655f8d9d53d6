import fc from 'fast-check';
import type { Schema } from './document.ts';
import { Known } from './known.ts';
import { INJECTIONS, NEAR_TEXTS } from './texts.ts';
import { integer, textFor } from './values.ts';
import { sometimes, weighted } from './weighted.ts';

/** What a call sends behind its head. A piece that is repeated is long, and still short to tell. */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly piece: Uint8Array; readonly length: number }
  | { readonly kind: 'json' | 'lines'; readonly value: unknown; readonly damage: Damage };

/** What becomes of JSON on its way. */
type Damage = 'none' | 'cut' | 'cut-inside' | 'bom' | 'not-utf-8' | 'twice' | 'spaced';

export const NO_BODY: Body = { kind: 'none' };

/** The largest body that the gateway takes here: enough for every lane. Bytes. */
export const BODY_MAX = 270_000;
/** The most items in one batch. */
export const BATCH_MAX = 20;

const LENGTHS = [0, 1, 1_000, 32_769, 65_536, 262_144, 262_145, BODY_MAX, BODY_MAX + 1];

const whole = (piece: Uint8Array): Body => ({ kind: 'bytes', piece, length: piece.length });
const wholeText = (text: string): Body => whole(new Uint8Array(Buffer.from(text)));

const bytes: fc.Arbitrary<Body> = weighted<Body>(
  [15, fc.uint8Array({ maxLength: 200 }).map(whole)],
  [5, fc.constantFrom(...INJECTIONS).map(wholeText)],
  [
    1,
    fc.record({
      kind: fc.constant('bytes' as const),
      piece: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      length: fc.constantFrom(...LENGTHS),
    }),
  ],
);

const damage: fc.Arbitrary<Damage> = weighted<Damage>(
  [40, fc.constant('none')],
  [2, fc.constant('spaced')],
  [1, fc.constantFrom('cut', 'cut-inside', 'bom', 'not-utf-8', 'twice')],
);

/** JSON that is of no type that is wanted anywhere, or only as if. */
const WRONG_VALUES: readonly unknown[] = [
  null,
  true,
  '',
  '1',
  -1,
  -0,
  1.5,
  1e300,
  2 ** 32,
  2 ** 53,
  2 ** 64,
  [],
  [[]],
  {},
  Object.fromEntries([['__proto__', { length: 1 }]]),
];
const EXTRA_MEMBERS = [
  'x',
  '__proto__',
  'constructor',
  'toString',
  'Body',
  'tube',
  'id',
  'ttr ',
  '\r\nquit\r\n',
  '',
];

/** Sent as they are, whatever the operation reads. */
const JSON_TEXTS: readonly string[] = [
  '',
  ' ',
  'null',
  '1',
  '"x"',
  '[]',
  '{}',
  '{"jobs":[]}',
  '{"jobs":{"0":{"body":"x"},"length":1}}',
  '{"jobs":[{"body":"x"}],"settle":[]}',
  '{"jobs":[{"body":"x"}],"jobs":[]}',
  '{"__proto__":{"jobs":[{"body":"x"}]}}',
  '{"jobs":[{"body":"x","priority":1e400}]}',
  '{"jobs":[{"body":"x","priority":NaN}]}',
  '{"jobs":[{"body":"x","delay":0.0e0,"ttr":6e1,"priority":-0}]}',
  '{"jobs":[{"body":"x","ttr":00}]}',
  '{"jobs":[{"body":"\\ud800"},{"body":"\\udfff\\ud800"},{"body":"\\ud83d\\ude00"}]}',
  '{"jobs":[{"body":"x"},]}',
  '{jobs:[]}',
  '{"settle":[]}',
  '{"settle":[{"reservation":"x\\r\\nquit","action":"delete"}]}',
  '['.repeat(50_000),
  '{"jobs":'.repeat(5_000),
  `{"jobs":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  `{"jobs":[${'{"body":"x"},'.repeat(BATCH_MAX)}{"body":"x"}]}`,
  '{"body":"a"}\n\n{"body":\n{"body":"b","ttr":0}\r\n  \n{"body":"c"}',
  '\n\n',
  'put 0 0 60 1\r\nx\r\n',
];

/** What is sent under that media type: mostly what its schema allows. */
export function bodyFor(mediaType: string, schema: Schema): fc.Arbitrary<Body> {
  if (!/json$/.test(mediaType)) return bytes;
  const lines = mediaType === 'application/x-ndjson';
  const kind = lines ? ('lines' as const) : ('json' as const);
  const value = lines ? fc.array(valueFor('', schema), { minLength: 1, maxLength: 8 }) : valueFor('', schema);
  return weighted<Body>(
    [16, fc.record({ kind: fc.constant(kind), value, damage })],
    [1, fc.constantFrom(...JSON_TEXTS).map(wholeText)],
  );
}

/** Where no body is taken: mostly none. */
export const noBody: fc.Arbitrary<Body> = weighted<Body>([40, fc.constant(NO_BODY)], [1, bytes]);

function valueFor(name: string, schema: Schema): fc.Arbitrary<unknown> {
  return weighted(
    [60, fittingValue(name, schema)],
    [1, fc.constantFrom(...WRONG_VALUES)],
    [1, fc.constantFrom<unknown>(...NEAR_TEXTS, ...INJECTIONS)],
  );
}

function fittingValue(name: string, schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'object':
      return object(schema);
    case 'array': {
      const item = valueFor(name, schema.items ?? {});
      return weighted(
        [12, fc.array(item, { minLength: schema.minItems ?? 0, maxLength: 6 })],
        [1, fc.array(item, { minLength: BATCH_MAX - 1, maxLength: BATCH_MAX + 1 })],
      );
    }
    case 'integer':
      return integer(schema);
    default:
      return name === 'body' ? jobBody : textFor(name, schema);
  }
}

/** Half of them are what they claim to be when they claim to be base64. */
const jobBody: fc.Arbitrary<string> = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((piece) => Buffer.from(piece).toString('base64')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(...INJECTIONS, '=', '====', 'Zg', 'Zg=', 'Zh==', 'Z\r\ng==', '-_-_', '\ud800', 'x\udfff'),
);

function object({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map(([name, schema]) =>
    sometimes(required.includes(name) ? 98 : 50, fc.tuple(fc.constant(name), valueFor(name, schema))),
  );
  const extra = sometimes(3, fc.tuple(fc.constantFrom(...EXTRA_MEMBERS), fc.constantFrom(...WRONG_VALUES)));
  return fc.tuple(...members, extra).map((each) => Object.fromEntries(each.flat()));
}

/** The bytes of a body, the names in it looked up by `resolve`. */
export function bytesOf(body: Body, resolve: (known: Known) => string): Buffer {
  switch (body.kind) {
    case 'none':
      return Buffer.alloc(0);
    case 'bytes':
      return body.piece.length === 0 ? Buffer.alloc(0) : Buffer.alloc(body.length, body.piece);
    case 'json':
      return damaged(JSON.stringify(resolved(body.value, resolve)), body.damage);
    case 'lines': {
      const lines = Array.isArray(body.value) ? body.value : [body.value];
      return damaged(lines.map((line) => JSON.stringify(resolved(line, resolve))).join('\n'), body.damage);
    }
  }
}

function resolved(value: unknown, resolve: (known: Known) => string): unknown {
  if (value instanceof Known) return resolve(value);
  if (Array.isArray(value)) return value.map((item) => resolved(item, resolve));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member, resolve)]));
}

function damaged(json: string, damage: Damage): Buffer {
  switch (damage) {
    case 'none':
      return Buffer.from(json);
    case 'cut':
      return Buffer.from(json).subarray(0, -1);
    case 'cut-inside':
      return Buffer.from(json).subarray(0, json.length >> 1);
    case 'bom':
      return Buffer.from(`\ufeff${json}`);
    case 'not-utf-8':
      return Buffer.concat([Buffer.from(json), Buffer.from([0xed, 0xa0, 0x80])]);
    case 'twice':
      return Buffer.from(json + json);
    case 'spaced':
      return Buffer.from(` ${json.replaceAll('":', '"\t: ')} \r\n`);
  }
}
