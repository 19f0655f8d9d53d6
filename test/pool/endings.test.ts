import { expect, test } from 'vitest';
import { Endings } from '../../src/pool/endings.ts';

test('an ending is remembered by its token', () => {
  const endings = new Endings(10);
  endings.remember('a', { reason: 'deleted' });
  expect(endings.get('a')).toEqual({ reason: 'deleted' });
  expect(endings.get('b')).toBeUndefined();
});

test('the oldest are forgotten first, and no more are kept than allowed', () => {
  const endings = new Endings(3);
  for (let n = 0; n < 10; n += 1) endings.remember(`${n}`, { reason: 'expired' });
  expect(endings.size).toBe(3);
  expect(endings.get('6')).toBeUndefined();
  for (const kept of ['7', '8', '9']) expect(endings.get(kept)).toEqual({ reason: 'expired' });
});

test('an ending that is corrected takes no second place', () => {
  const endings = new Endings(2);
  endings.remember('a', { reason: 'unknown' });
  endings.remember('b', { reason: 'deleted' });
  endings.remember('a', { reason: 'connection-lost' });
  expect(endings.size).toBe(2);
  expect(endings.get('a')).toEqual({ reason: 'connection-lost' });
  expect(endings.get('b')).toEqual({ reason: 'deleted' });
});
