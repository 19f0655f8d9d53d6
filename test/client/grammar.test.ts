import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isJobId, isTube, jobId, tube, uint32, waitSeconds } from '../../src/client/grammar.ts';

const TUBE_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+/;.$_()';

/** Strings near to and far from what is allowed. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(...TUBE_CHARACTERS, '\r', '\n', '\0', ' ', 'é'), maxLength: 230 }),
  fc.string({ unit: fc.constantFrom(...TUBE_CHARACTERS), minLength: 1, maxLength: 210 }),
  fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 22 }),
  fc.bigInt({ min: -1n, max: 2n ** 65n }).map(String),
);

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeNat(),
  fc.constantFrom(-0, 0, 1, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1e21, -1, Number.NaN, Infinity),
);

test('a tube is one to two hundred of its characters, the first no hyphen; anything else is a RangeError', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const allowed =
        text.length >= 1 &&
        text.length <= 200 &&
        !text.startsWith('-') &&
        [...text].every((character) => TUBE_CHARACTERS.includes(character));
      expect(isTube(text)).toBe(allowed);
      if (allowed) expect(tube(text)).toBe(text);
      else expect(() => tube(text)).toThrow(RangeError);
    }),
    { numRuns: 2_000 },
  );
});

test('an id is an unsigned number of 64 bits as beanstalkd prints it; anything else is a RangeError', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const allowed = /^[0-9]+$/.test(text) && BigInt(text) < 2n ** 64n && String(BigInt(text)) === text;
      expect(isJobId(text)).toBe(allowed);
      if (allowed) expect(jobId(text)).toBe(text);
      else expect(() => jobId(text)).toThrow(RangeError);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['uint32', uint32, 2 ** 32],
  ['waitSeconds', waitSeconds, 2 ** 31],
] as const)('%s passes whole numbers below its limit and prints them as digits', (_, check, limit) => {
  fc.assert(
    fc.property(anyNumber, (value) => {
      const allowed = Math.floor(value) === value && value >= 0 && value < limit;
      if (allowed) expect(`${check(value)}`).toMatch(/^[0-9]{1,10}$/);
      else expect(() => check(value)).toThrow(RangeError);
    }),
    { numRuns: 2_000 },
  );
});

test('names and ids at the edge', () => {
  for (const name of ['a', '0', '+/;.$_()', 'a-', 'x'.repeat(200)]) expect(isTube(name), name).toBe(true);
  for (const name of ['', '-', '-a', 'a b', 'a\n', 'a\r\n', 'a:', 'a"', 'a%', 'ä', 'x'.repeat(201)]) {
    expect(isTube(name), name).toBe(false);
  }
  for (const id of ['0', '1', '9007199254740993', '18446744073709551615']) expect(isJobId(id), id).toBe(true);
  for (const id of ['', '00', '01', '-1', '+1', '1.0', '1e3', ' 1', '1\n', '18446744073709551616', '٣']) {
    expect(isJobId(id), id).toBe(false);
  }
});
