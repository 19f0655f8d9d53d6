import { describe, expect } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { type Asked, type House, test } from './calls.ts';
import type { Answer } from './contract.ts';
import { openKeyedForTest } from './keyed-house.ts';

const PAGE = 'https://app.example.com';
const OTHER = 'https://other.example.com';

/** What a browser asks before a call that it would not let any page make. */
const preflight = ({ calls }: House, origin: string, method: string, path: string) =>
  calls.call('OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  });

const allowed = ({ headers }: Answer): unknown =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));

const listIn = (answer: Answer, name: string): string[] => String(answer.headers[name]).split(', ');

const openFor = (corsOrigins: '*' | readonly string[]) =>
  openKeyedForTest({ it: { rights: [...RIGHTS], tubes: ['in.*'] } }, { app: { corsOrigins } });

const from = (origin: string, asked: Asked = {}): Asked => ({
  ...asked,
  headers: { ...asked.headers, origin },
});

test('off by default: no header of it, and OPTIONS is a method like any other', async ({ open }) => {
  const house = await open();
  for (const path of ['/v1/tubes', '/v1/tubes/t/jobs', '/livez']) {
    const answer = await preflight(house, PAGE, 'GET', path);
    expect(answer.status).toBe(405);
    expect(allowed(answer)).toEqual({});
  }
  const answer = await house.calls.call('GET', '/v1/tubes', from(PAGE));
  expect(answer.status).toBe(200);
  expect(allowed(answer)).toEqual({});
  expect(answer.headers.vary).toBeUndefined();
});

describe('for some origins', () => {
  test('a preflight is answered without a key, on every path', async () => {
    const house = await openFor([OTHER, PAGE]);
    for (const [method, path] of [
      ['POST', '/v1/tubes/in.a/jobs'],
      ['DELETE', '/v1/reservations/x'],
      ['GET', '/openapi.json'],
      ['GET', '/nowhere'],
    ] as const) {
      const answer = await preflight(house, PAGE, method, path);
      expect(answer.status, path).toBe(204);
      expect(answer.text).toBe('');
      expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
      expect(listIn(answer, 'access-control-allow-methods')).toEqual(['GET', 'POST', 'DELETE']);
      expect(listIn(answer, 'access-control-allow-headers')).toEqual([
        'Accept',
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'X-Request-Id',
      ]);
      expect(Number(answer.headers['access-control-max-age'])).toBeGreaterThan(0);
      // Cookies are no keys here.
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      expect(answer.headers.vary).toMatch(/\borigin\b/i);
    }
  });

  test.each([
    OTHER,
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://evil.example/https://app.example.com',
    'https://APP.example.com',
    'null',
    '',
  ])('the origin %j is another one: no page of it may read an answer', async (origin) => {
    const house = await openFor([PAGE]);
    const asked = await preflight(house, origin, 'POST', '/v1/tubes/in.a/jobs');
    expect(asked.headers['access-control-allow-origin']).toBeUndefined();
    const answer = await house.calls.call(
      'GET',
      '/v1/tubes',
      from(origin, { headers: house.file.headers('it') }),
    );
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    // Or a cache would give it to the page that may.
    expect(answer.headers.vary).toMatch(/\borigin\b/i);
  });

  test('the answers to calls carry it, those that refuse too', async () => {
    const house = await openFor([PAGE]);
    const headers = house.file.headers('it');
    for (const [status, method, path, asked] of [
      [200, 'GET', '/v1/tubes', { headers }],
      [201, 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' }],
      [400, 'GET', '/v1/tubes?x=1', { headers }],
      [401, 'GET', '/v1/tubes', {}],
      [403, 'GET', '/v1/tubes/out', { headers }],
      [404, 'GET', '/v1/tubes/in.none', { headers }],
      [404, 'GET', '/nowhere', {}],
      [405, 'PUT', '/v1/tubes', { headers }],
      [200, 'GET', '/', { headers }],
      [200, 'GET', '/problems/forbidden', { headers }],
      [200, 'GET', '/openapi.json', { headers }],
    ] as const) {
      const answer = await house.calls.call(method, path, from(PAGE, asked));
      expect(answer.status, path).toBe(status);
      expect(answer.headers['access-control-allow-origin'], path).toBe(PAGE);
      expect(answer.headers.vary, path).toMatch(/\borigin\b/i);
      expect(listIn(answer, 'access-control-expose-headers'), path).toEqual(
        expect.arrayContaining(['X-Request-Id', 'Retry-After', 'Location', 'Reservation', 'RateLimit-Reset']),
      );
    }
  });

  test('every header that the document knows of may be read', async () => {
    const house = await openFor([PAGE]);
    const answer = await house.calls.call('GET', '/livez', from(PAGE));
    const exposed = listIn(answer, 'access-control-expose-headers').map((name) => name.toLowerCase());
    expect(documentedHeaders(house.gateway.app.swagger()).filter((name) => !exposed.includes(name))).toEqual(
      [],
    );
  });

  test('no call needs an origin', async () => {
    const house = await openFor([PAGE]);
    const answer = await house.calls.call('GET', '/v1/tubes', { headers: house.file.headers('it') });
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('for all of them', async () => {
  const house = await openFor('*');
  const asked = await preflight(house, OTHER, 'DELETE', '/v1/reservations/x');
  expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([204, '*']);
  expect(asked.headers['access-control-allow-credentials']).toBeUndefined();
  const answer = await house.calls.call('GET', '/v1/tubes', from(OTHER));
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, '*']);
});

/** The names of all headers that any answer is said to have. */
function documentedHeaders(document: unknown): string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (name === 'headers')
        for (const header of Object.keys(Object(member))) found.add(header.toLowerCase());
      look(member);
    }
  };
  look(document);
  // Every page may read it.
  found.delete('cache-control');
  return [...found].sort();
}
