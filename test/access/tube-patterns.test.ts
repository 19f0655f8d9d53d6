import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TubePatterns } from '../../src/access/tube-patterns.ts';

test.each<[string[], string, boolean]>([
  [['mail'], 'mail', true],
  [['mail'], 'mails', false],
  [['mail'], 'Mail', false],
  [['billing.*'], 'billing.', true],
  [['billing.*'], 'billing.eu.invoices', true],
  [['billing.*'], 'billing', false],
  [['billing.*'], 'billingXeu', false],
  [['*.dead'], 'mail.dead', true],
  [['*.dead'], 'mail.dead.old', false],
  [['a*a'], 'a', false],
  [['a*a'], 'aa', true],
  [['a*bc*c'], 'abc', false],
  [['a*bc*c'], 'abcc', true],
  [['mail', 'sms.*'], 'sms.eu', true],
  [['mail', 'sms.*'], 'push', false],
  [['$_().+/;-'], '$_().+/;-', true],
  [[], 'mail', false],
])('%j on %s: %s', (patterns, tube, expected) => {
  expect(new TubePatterns(patterns).covers(tube)).toBe(expected);
});

test('all are covered where one pattern is nothing but stars', () => {
  expect(new TubePatterns(['mail', '**']).coversAll).toBe(true);
  expect(new TubePatterns(['*']).covers('anything')).toBe(true);
  expect(new TubePatterns(['a*', '*a']).coversAll).toBe(false);
  expect(new TubePatterns([]).coversAll).toBe(false);
});

/** What a star means, tried out in every way. */
function means(pattern: string, tube: string): boolean {
  if (pattern === '') return tube === '';
  if (pattern[0] !== '*') return pattern[0] === tube[0] && means(pattern.slice(1), tube.slice(1));
  return means(pattern.slice(1), tube) || (tube !== '' && means(pattern, tube.slice(1)));
}

test('property: covers what the patterns mean', () => {
  // Few letters, so that they often meet.
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 });
  const tube = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 3 }), tube, (patterns, name) => {
      const expected = patterns.some((one) => means(one, name));
      expect(new TubePatterns(patterns).covers(name)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
});

test('many stars are no way to make it slow', () => {
  // Tried out in every way, this is a billion steps.
  const patterns = new TubePatterns([`${'a*'.repeat(6)}b`]);
  const begin = performance.now();
  expect(patterns.covers('a'.repeat(100))).toBe(false);
  expect(performance.now() - begin).toBeLessThan(500);
});
