import fc from 'fast-check';
import { STATUS_OF } from '../routes/contract.ts';
import type { Schema } from './document.ts';
import { type Kind, Known } from './known.ts';
import { INJECTIONS, LIKE_INNARDS, NEAR_TEXTS } from './texts.ts';
import { weighted } from './weighted.ts';

/** A value of a parameter or a member, in its plain form. */
export type Text = string | Known;

const UINT64_MAX = 2n ** 64n - 1n;

/** The names that keep the calls among themselves, every special character of a tube among them. */
const TUBES = ['default', 'mail', 'b/c', 'd;e', '+f+', '$_().', '1e3', 'jobs', 'batch', 'x'.repeat(200)];

/** What the parameters name. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  tube: ['tube'],
  id: ['job'],
  reservation: ['reservation', 'reservation', 'ended'],
};

const known = (kinds: readonly Kind[]): fc.Arbitrary<Known> =>
  fc.tuple(fc.constantFrom(...kinds), fc.nat(20)).map(([kind, nth]) => new Known(kind, nth));

/** Mostly what the schema allows; else what nearly is, or what no caller should be able to send. */
export const textFor = (name: string, schema: Schema): fc.Arbitrary<Text> =>
  weighted<Text>(
    [30, validText(name, schema)],
    [2, nearText(schema)],
    [2, fc.constantFrom(...NEAR_TEXTS)],
    [1, fc.constantFrom(...INJECTIONS)],
    [1, fc.string({ unit: 'binary', maxLength: 30 })],
  );

function validText(name: string, schema: Schema): fc.Arbitrary<Text> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.type === 'integer') return integer(schema).map(String);
  const kinds = KINDS[name];
  if (kinds === undefined) return fc.constantFrom(...Object.keys(STATUS_OF));
  return weighted<Text>(
    [10, known(kinds)],
    [name === 'tube' ? 10 : 0, fc.constantFrom(...TUBES)],
    [1, invented(schema)],
  );
}

/** Mostly few: seconds that pass, and bounds that are reached. */
export function integer({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> {
  return weighted(
    [8, fc.integer({ min: minimum, max: Math.min(maximum, minimum + 3) })],
    [1, fc.constantFrom(minimum, maximum)],
    [1, fc.integer({ min: minimum, max: maximum })],
  );
}

/** What the schema allows and nobody has made. */
function invented({ pattern, format, maxLength = 200, not }: Schema): fc.Arbitrary<string> {
  if (format === 'uint64') {
    return fc.oneof(
      fc.constantFrom('0', '1', '9007199254740993', String(UINT64_MAX)),
      fc.bigInt({ min: 0n, max: UINT64_MAX }).map(String),
    );
  }
  return fc
    .stringMatching(new RegExp(pattern ?? '^[a-z]+$'), { maxLength })
    .filter((text) => not?.enum?.includes(text) !== true && !LIKE_INNARDS.test(text));
}

/** One step beyond the schema. */
function nearText(schema: Schema): fc.Arbitrary<string> {
  const { enum: words, type, minimum = 0, maximum = 0, maxLength = 0 } = schema;
  if (words !== undefined) {
    const [first = ''] = words;
    return fc.constantFrom(first.toUpperCase(), `${first} `, first.slice(1), words.join(','), '');
  }
  if (type === 'integer')
    return fc.constantFrom(`${minimum - 1}`, `${maximum + 1}`, `${maximum}0`, `00${maximum}`);
  return fc.constantFrom(
    '7'.repeat(maxLength + 1),
    `a`.repeat(maxLength + 1),
    '',
    String(UINT64_MAX + 1n),
    '00',
  );
}
