import { expect, test } from 'vitest';
import { Endings } from '../../src/pool/endings.ts';
import { Owner } from '../../src/pool/owner.ts';

test('an ending is remembered by its token', () => {
  const endings = new Endings(10);
  endings.remember('a', { reason: 'deleted' }, undefined);
  expect(endings.get('a', undefined)).toEqual({ reason: 'deleted' });
  expect(endings.get('b', undefined)).toBeUndefined();
});

test('the oldest are forgotten first, and no more are kept than allowed', () => {
  const endings = new Endings(3);
  for (let n = 0; n < 10; n += 1) endings.remember(`${n}`, { reason: 'expired' }, undefined);
  expect(endings.size).toBe(3);
  expect(endings.get('6', undefined)).toBeUndefined();
  for (const kept of ['7', '8', '9']) expect(endings.get(kept, undefined)).toEqual({ reason: 'expired' });
});

test('an ending that is corrected takes no second place', () => {
  const endings = new Endings(2);
  endings.remember('a', { reason: 'unknown' }, undefined);
  endings.remember('b', { reason: 'deleted' }, undefined);
  endings.remember('a', { reason: 'connection-lost' }, undefined);
  expect(endings.size).toBe(2);
  expect(endings.get('a', undefined)).toEqual({ reason: 'connection-lost' });
  expect(endings.get('b', undefined)).toEqual({ reason: 'deleted' });
});

test('an ending is remembered for its owner alone', () => {
  const endings = new Endings(2);
  const owner = new Owner('one', { maxWaits: 1, maxReservations: 1 });
  const other = new Owner('other', { maxWaits: 1, maxReservations: 1 });
  endings.remember('a', { reason: 'deleted' }, owner);
  expect(endings.get('a', owner)).toEqual({ reason: 'deleted' });
  expect(endings.get('a', other)).toBeUndefined();
  expect(endings.get('a', undefined)).toBeUndefined();
});
