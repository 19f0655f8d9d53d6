import { expect, test } from 'vitest';
import { isUint64, TUBE_PATTERN } from '../../src/routes/schemas/scalars.ts';

test.each(['0', '1', '9007199254740993', '18446744073709551615'])('%s is a uint64', (text) => {
  expect(isUint64(text)).toBe(true);
});

test.each([
  '',
  '00',
  '01',
  '-1',
  '+1',
  '1 ',
  '1e3',
  '0x1',
  '18446744073709551616',
  '99999999999999999999',
  '1\n',
])('%j is no uint64', (text) => {
  expect(isUint64(text)).toBe(false);
});

const TUBE = new RegExp(TUBE_PATTERN, 'u');

test.each(['a', 'A-Za-z0-9+/;.$_()-', '$', '()', 'a'.repeat(200)])('%s is a tube', (name) => {
  expect(TUBE.test(name)).toBe(true);
});

test.each(['', '-a', 'a b', 'a\r\nb', 'a\n', 'ä', 'a'.repeat(201), 'a*', 'a\0'])('%j is no tube', (name) => {
  expect(TUBE.test(name)).toBe(false);
});
