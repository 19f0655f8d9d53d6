import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { queryConverter } from '../../src/routes/query.ts';

const convert = queryConverter(
  Type.Object({
    count: Type.Optional(Type.Integer()),
    tube: Type.Optional(Type.Array(Type.String())),
    word: Type.Optional(Type.String()),
  }),
);

const converted = (query: Record<string, unknown>) => {
  convert?.(query);
  return query;
};

describe('a whole number in a query', () => {
  test.each(['0', '5', '007', '4294967295'])('is one when it is plain digits: %j', (raw) => {
    expect(converted({ count: raw })).toEqual({ count: Number(raw) });
  });

  test.each(['', ' 5', '5 ', '+5', '-5', '1e3', '0x10', '1.0', '٥', 'NaN', '1_000'])(
    'is none otherwise: %j',
    (raw) => {
      expect(converted({ count: raw })).toEqual({ count: raw });
    },
  );

  test('given twice stays a list, for validation to refuse', () => {
    expect(converted({ count: ['1', '2'] })).toEqual({ count: ['1', '2'] });
  });

  test('of any length never becomes one that is not a number', () => {
    expect(Object.values(converted({ count: '9'.repeat(400) }))[0]).toBe(Number.POSITIVE_INFINITY);
  });
});

test('a list given once is a list of one', () => {
  expect(converted({ tube: 'a' })).toEqual({ tube: ['a'] });
  expect(converted({ tube: ['a', 'b'] })).toEqual({ tube: ['a', 'b'] });
});

test('everything else stays as it is', () => {
  expect(converted({ word: '5', unknown: '6' })).toEqual({ word: '5', unknown: '6' });
});

test('a schema with nothing to convert needs no converter', () => {
  expect(queryConverter(Type.Object({ word: Type.String() }))).toBeUndefined();
  expect(queryConverter(undefined)).toBeUndefined();
});
