import { afterEach, expect, test, vi } from 'vitest';
import { ANYONE, Key, KeyRing, NOBODY } from '../../src/access/key-ring.ts';
import { RIGHTS } from '../../src/access/rights.ts';
import { digestOf, entry } from './entry.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('finds each key by its secret, and nothing by anything else', () => {
  const names = Array.from({ length: 200 }, (_, n) => `key-${n}`);
  const ring = new KeyRing(names.map((name) => entry(name)));
  for (const name of names) expect(ring.find(`secret-of-${name}`)?.name).toBe(name);
  for (const secret of ['', 'secret-of-', 'secret-of-key-200', digestOf('secret-of-key-0')]) {
    expect(ring.find(secret)).toBeUndefined();
  }
});

test('a secret is its UTF-8, and the digest may be in capitals', () => {
  const ring = new KeyRing([entry('a', { sha256: digestOf('schlüssel🔑').toUpperCase() })]);
  expect(ring.find('schlüssel🔑')?.name).toBe('a');
});

test('digests that begin alike are told apart', () => {
  const sha256 = digestOf('mine');
  const alike = `${sha256.slice(0, -1)}${sha256.endsWith('0') ? '1' : '0'}`;
  const ring = new KeyRing([entry('alike', { sha256: alike }), entry('mine', { sha256 })]);
  expect(ring.find('mine')?.name).toBe('mine');
  expect(new KeyRing([entry('alike', { sha256: alike })]).find('mine')).toBeUndefined();
});

test('a secret of more than 512 characters is none', () => {
  const secrets = ['k'.repeat(512), 'k'.repeat(513)];
  const ring = new KeyRing(secrets.map((secret, n) => entry(`key-${n}`, { sha256: digestOf(secret) })));
  expect(secrets.map((secret) => ring.find(secret)?.name)).toEqual(['key-0', undefined]);
});

test('an expired key is found too', () => {
  vi.useFakeTimers({ now: Date.parse('2026-12-31T23:59:59.999Z') });
  const ring = new KeyRing([entry('a', { expires: '2027-01-01T02:00:00+02:00' }), entry('b')]);
  expect(ring.find('secret-of-a')?.expired).toBe(false);
  vi.advanceTimersByTime(1);
  expect(ring.find('secret-of-a')).toMatchObject({ expired: true, expiresAt: Date.parse('2027-01-01') });
  expect(ring.find('secret-of-b')).toMatchObject({ expired: false, expiresAt: undefined });
});

test('a key may what its entry says', () => {
  const limits = { ratePerSecond: 5, maxWaits: 6, maxReservations: 7 };
  const key = new Key(entry('a', { rights: ['consume', 'inspect'], tubes: ['mail.*'], ...limits }));
  expect(RIGHTS.filter((right) => key.may(right))).toEqual(['consume', 'inspect']);
  expect(key.tubes.covers('mail.eu')).toBe(true);
  expect(key.tubes.covers('sms')).toBe(false);
  expect(key).toMatchObject(limits);
});

test('anyone may everything, nobody nothing', () => {
  expect(RIGHTS.every((right) => ANYONE.may(right)) && ANYONE.tubes.coversAll).toBe(true);
  expect(RIGHTS.some((right) => NOBODY.may(right)) || NOBODY.tubes.covers('mail')).toBe(false);
  expect([ANYONE.expired, NOBODY.expired]).toEqual([false, false]);
});
