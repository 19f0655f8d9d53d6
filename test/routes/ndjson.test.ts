import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLines } from '../../src/routes/ndjson.ts';

const parse = (text: string, max = 100) => parseLines(Buffer.from(text), max);

test('each line is a value, and empty lines are none', () => {
  expect(parse('{"a":1}\n\n \r\n[2]\r\n3')).toEqual([{ value: { a: 1 } }, { value: [2] }, { value: 3 }]);
  expect(parse('')).toEqual([]);
  expect(parse('\n')).toEqual([]);
});

test('a malformed line spoils no other', () => {
  expect(parse('{"a":1}\n{bad\n2')).toEqual([
    { value: { a: 1 } },
    { malformed: 'is not valid JSON' },
    { value: 2 },
  ]);
});

test('bytes that are no UTF-8 are not quietly replaced', () => {
  expect(parseLines(Buffer.from([0x22, 0xff, 0x22, 0x0a, 0x31]), 100)).toEqual([
    { malformed: 'is not UTF-8' },
    { value: 1 },
  ]);
});

test('it reads no more than asked for', () => {
  expect(parse('1\n2\n3', 2)).toHaveLength(2);
});

test('what was written is what is read', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      const text = values.map((value) => JSON.stringify(value)).join('\n');
      expect(parse(text, values.length + 1)).toEqual(
        values.map((value) => ({ value: JSON.parse(JSON.stringify(value)) })),
      );
    }),
  );
});
