import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import type { Answer } from './contract.ts';
import { type KeyedHouse, openKeyed } from './keyed-house.ts';

const LOOK = '/v1/tubes';

let house: KeyedHouse;
let secret: string;
beforeAll(async () => {
  house = await openKeyed({ it: { rights: [...RIGHTS], tubes: ['*'] } });
  secret = house.file.headers('it').authorization.slice('Bearer '.length);
});
afterAll(() => house.close());

// Wherever a test has put it.
let seen = 0;
afterEach(() => {
  const lines = house.lines.slice(seen);
  seen = house.lines.length;
  expect(lines.filter((line) => line.includes(secret))).toEqual([]);
});

/** Bytes as they stand: no client would send all of these. */
async function withLines(...lines: readonly string[]): Promise<Answer> {
  const socket = await house.calls.socket();
  socket.write(
    Buffer.from(`GET ${LOOK} HTTP/1.1\r\nHost: gateway\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
  );
  return socket.answer();
}

const sending = (value: string) => withLines(`Authorization: ${value}`);

function expectRefused(answer: Answer, challenge: string): void {
  expect(answer.status, answer.text).toBe(401);
  expect(answer.headers['www-authenticate']).toBe(challenge);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.text).toContain('/problems/unauthorized');
  expect(answer.text).not.toContain(secret);
}

const CHALLENGE = 'Bearer realm="beanstalkd-gateway"';
const BAD_TOKEN = `${CHALLENGE}, error="invalid_token"`;

test.each(['Bearer ', 'bearer ', 'BEARER ', 'bEaReR ', 'Bearer     ', '  Bearer '])(
  'the key behind %j is taken',
  async (before) => {
    expect((await sending(`${before}${secret}`)).status).toBe(200);
  },
);

test('no header: 401, with a challenge that blames no token', async () => {
  expectRefused(await withLines('Accept: */*'), CHALLENGE);
});

/** The secret is a part of most: each is one step away from what is right. */
const WRONG: Readonly<Record<string, (secret: string) => string>> = {
  'an empty header': () => '',
  'the scheme alone': () => 'Bearer',
  'the scheme and spaces': () => 'Bearer   ',
  'the key alone': (key) => key,
  'another scheme': (key) => `Token ${key}`,
  'basic, as a user': (key) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`,
  'basic, as a password': (key) => `Basic ${Buffer.from(`it:${key}`).toString('base64')}`,
  'basic, as it is': (key) => `Basic ${key}`,
  'no space': (key) => `Bearer${key}`,
  'a tab for the space': (key) => `Bearer\t${key}`,
  'a colon': (key) => `Bearer: ${key}`,
  'the scheme twice': (key) => `Bearer Bearer ${key}`,
  'two tokens': (key) => `Bearer ${key} ${key}`,
  'two tokens, the second wrong': (key) => `Bearer ${key} x`,
  'two credentials': (key) => `Bearer ${key}, Bearer ${key}`,
  'in quotes': (key) => `Bearer "${key}"`,
  'as a parameter': (key) => `Bearer token=${key}`,
  'one character less': (key) => `Bearer ${key.slice(0, -1)}`,
  'one character more': (key) => `Bearer ${key}A`,
  padded: (key) => `Bearer ${key}=`,
  'in capitals': (key) => `Bearer ${key.toUpperCase()}`,
  'percent-encoded': (key) => `Bearer ${key.replace(/./g, (each) => `%${each.charCodeAt(0).toString(16)}`)}`,
  'with a percent at its end': (key) => `Bearer ${key}%`,
  'its name': () => 'Bearer it',
  'its digest, which stands in the file': (key) => `Bearer ${createHash('sha256').update(key).digest('hex')}`,
  'an equals sign': () => 'Bearer =',
  'UTF-8': () => `Bearer ${Buffer.from('ключ 鍵 🔑').toString('latin1')}`,
  'bytes that are no UTF-8': () => 'Bearer \xff\xfe\x80',
  'the key and a soft hyphen': (key) => `Bearer ${key}\xad`,
  'very long': () => `Bearer ${'A'.repeat(60_000)}`,
  'very long, with the key in front': (key) => `Bearer ${key}${'A'.repeat(60_000)}`,
  'very many spaces': () => `Bearer ${' '.repeat(60_000)}!`,
};

test.each(Object.entries(WRONG))('%s: 401', async (_name, valueFor) => {
  expectRefused(await sending(valueFor(secret)), BAD_TOKEN);
});

test.each([
  ['X-Api-Key', (key: string) => key],
  ['X-Authorization', (key: string) => `Bearer ${key}`],
  ['Proxy-Authorization', (key: string) => `Bearer ${key}`],
  ['Cookie', (key: string) => `access_token=${key}; authorization=Bearer ${key}`],
])('the key in %s is none', async (name, valueFor) => {
  expectRefused(await withLines(`${name}: ${valueFor(secret)}`), CHALLENGE);
});

test('a second header does not mend a wrong first one', async () => {
  expectRefused(await withLines('Authorization: Bearer wrong', `Authorization: Bearer ${secret}`), BAD_TOKEN);
});

test('a header that is no HTTP is 400', async () => {
  const answer = await sending(`Bearer \x01${secret}`);
  expect(answer.status).toBe(400);
  expect(answer.text).not.toContain(secret);
});

describe('a key in the query is none', () => {
  const names = ['access_token', 'api_key', 'authorization', 'key', 'token'];
  const calls = [
    ['GET', LOOK, ''],
    ['POST', '/v1/tubes/t/jobs', ''],
    ['POST', '/v1/tubes/t/kick', 'bound=1&'],
    ['DELETE', '/v1/jobs/1', ''],
    ['GET', '/nowhere', ''],
  ] as const;

  test.each(calls)('%s %s: alone', async (method, path, query) => {
    for (const name of names) {
      const answer = await house.calls.call(method, `${path}?${query}${name}=${secret}`);
      expect(answer.status, name).toBe(path === '/nowhere' ? 404 : 401);
      expect(answer.text).not.toContain(secret);
      expect(JSON.stringify(answer.headers)).not.toContain(secret);
    }
  });

  test.each(calls)('%s %s: beside the one in the header', async (method, path, query) => {
    const headers = house.file.headers('it');
    for (const name of names) {
      const answer = await house.calls.call(method, `${path}?${query}${name}=${secret}`, { headers });
      expect(answer.status, name).toBe(path === '/nowhere' ? 404 : 400);
      expect(answer.text).not.toContain(secret);
      expect(JSON.stringify(answer.headers)).not.toContain(secret);
    }
  });
});
