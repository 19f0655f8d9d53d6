import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import type { Asked } from './calls.ts';
import { at } from './contract.ts';
import { type KeyedHouse, openKeyed } from './keyed-house.ts';

const on = (...tubes: string[]) => ({ rights: [...RIGHTS], tubes });

let house: KeyedHouse;
beforeAll(async () => {
  house = await openKeyed({
    start: on('a*'),
    end: on('*.b'),
    name: on('exact.t'),
    folder: on('in/*'),
    middle: on('x*y*z'),
    overlap: on('ab*ba'),
    several: on('one', 'two*'),
    'any.thing': on('a.b', '(x)*', 'c+$d;*', '_-e/*.f'),
    all: on('*'),
  });
});
afterAll(() => house.close());

const as = (name: string, asked: Asked = {}): Asked => ({
  ...asked,
  headers: { ...asked.headers, ...house.file.headers(name) },
});

/** With the path as it stands. */
const put = (key: string, encoded: string) =>
  house.calls.call('POST', `/v1/tubes/${encoded}/jobs`, as(key, { body: 'x' }));

const reserve = (key: string, query: string) =>
  house.calls.call('POST', `/v1/reservations?${query}`, as(key));

describe.each([
  ['start', ['a', 'ab', 'a.b', 'a/b'], ['b', 'ba', 'A', '+a']],
  ['end', ['.b', 'a.b', 'a.b.b'], ['b', 'xb', 'a.bc', 'a.B', 'a.b.']],
  ['name', ['exact.t'], ['exactXt', 'exact.t2', 'xexact.t', 'exact.']],
  ['folder', ['in/', 'in/x', 'in/x/y', 'in/..'], ['in', 'inx', 'in.x', 'out/in/x']],
  ['middle', ['xyz', 'x1y2z', 'xyzyz'], ['xz', 'xzy', 'xy', 'yz', 'axyz']],
  ['overlap', ['abba', 'ab.ba'], ['aba', 'ab', 'ba']],
  ['several', ['one', 'two', 'two.x'], ['one.x', 'three']],
  ['any.thing', ['a.b', '(x)', '(x)y', 'c+$d;', '_-e/.f'], ['a+b', 'axb', 'x', 'cc$d;', 'c+', '_-e/xf']],
  ['all', ['x', 'in/x', '(x)', '.b', '$', '..x'], []],
])('the patterns of %s', (key, inside, outside) => {
  test.each(inside)('cover %s', async (tube) => {
    expect((await put(key, encodeURIComponent(tube))).status).toBe(201);
  });

  test.runIf(outside.length > 0).each(outside)('do not cover %s', async (tube) => {
    const answer = await put(key, encodeURIComponent(tube));
    expect(answer.status).toBe(403);
    expect(at(answer.json(), 'detail')).toContain(`the key ${key} does not cover the tube`);
  });
});

describe('a tube in the path is looked at as it is meant', () => {
  test.each([
    ['in%2Fx', 201],
    ['in%2fx', 201],
    ['%69%6E%2F%78', 201],
    ['in%2F..%2Fout', 201],
    // Twice encoded it is another name, which no tube can have.
    ['in%252Fx', 403],
    ['out%2F..%2Fin%2Fx', 403],
    ['in', 403],
    ['IN%2Fx', 403],
    ['in%00%2Fx', 403],
  ])('%s', async (encoded, status) => {
    expect((await put('folder', encoded)).status).toBe(status);
  });

  test.each(['in/x', 'in/../out', 'out/../in%2Fx', './in%2Fx', 'in%2Fx/../out'])(
    'a path with more parts than the route has is none: %s',
    async (path) => {
      expect((await put('folder', path)).status).toBe(404);
    },
  );
});

describe('a name that no tube can have', () => {
  test.each([
    ['a dash in front', '-x'],
    ['a space', 'in%2F%20'],
    ['a command', 'in%2F%0D%0Adelete%201'],
    ['a script', '%22%7D%0A%3Cscript%3E'],
    ['a letter beyond ASCII', '%C3%A9'],
    ['a NUL', '%00'],
    ['a star', '%2A'],
    ['too long', 'x'.repeat(5_000)],
  ])('%s: 400 where it is covered, 403 elsewhere', async (_name, tube) => {
    expect((await put('all', tube)).status).toBe(400);
    expect((await reserve('all', `tube=${tube}`)).status).toBe(400);
    for (const refused of [await put('name', tube), await reserve('name', `tube=${tube}`)]) {
      expect(refused.status).toBe(403);
      // One line, and not as long as whoever asks likes.
      expect(at(refused.json(), 'detail')).toMatch(/^\P{Cc}{1,400}$/u);
    }
  });

  test.each(['%', '%zz', '%ff', '%C3%28'])('%s is no encoding', async (name) => {
    for (const key of ['all', 'name']) {
      expect((await put(key, name)).status).toBe(400);
      expect((await reserve(key, `tube=${name}`)).status).toBe(key === 'all' ? 400 : 403);
    }
  });
});

describe('several tubes in one call', () => {
  const all = ['one', 'two.a', 'two.b'];
  const query = (...tubes: readonly string[]) =>
    tubes.map((tube) => `tube=${encodeURIComponent(tube)}`).join('&');

  test('all inside', async () => {
    expect((await reserve('several', query(...all))).status).toBe(200);
  });

  test.each([0, 1, 3])('one outside, as number %d: 403 names it, and nothing is taken', async (n) => {
    const id = await house.raw.put('two.a', 'x');
    const answer = await reserve('several', query(...all.toSpliced(n, 0, 'out')));
    expect(answer.status).toBe(403);
    expect(at(answer.json(), 'detail')).toMatch(/^the key several does not cover the tube "?out"?$/);
    expect(await house.raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
    await house.raw.command(`delete ${id}`);
  });

  test.each([
    ['tube=one&tube=one', 200],
    ['tube=in%2Fx&tube=in/x', 403],
    ['tube=out&tube=out', 403],
    ['tube=one&tube=out&tube=one', 403],
    ['tube=one&tube=', 403],
    ['tube=', 403],
    ['tube=one,two', 403],
    ['tube[]=out', 400],
    ['Tube=out', 400],
    ['', 400],
  ])('?%s: %d', async (asked, status) => {
    expect((await reserve('several', asked)).status).toBe(status);
  });

  test('more than there may be: 400 inside, 403 with one outside', async () => {
    const many = Array.from({ length: 101 }, (_, n) => `two.${n}`);
    expect((await reserve('several', query(...many))).status).toBe(400);
    expect((await reserve('several', query(...many, 'out'))).status).toBe(403);
  });

  test('a tube in the query of a call that has one in its path is 400, or 403 outside', async () => {
    const call = (tube: string) =>
      house.calls.call('POST', `/v1/tubes/one/reservations?tube=${tube}`, as('several'));
    expect((await call('two')).status).toBe(400);
    expect((await call('out')).status).toBe(403);
  });
});

test('outside, nothing of a body is read', async () => {
  const socket = await house.calls.socket();
  const { authorization } = house.file.headers('name');
  socket.write(
    `POST /v1/tubes/out/jobs HTTP/1.1\r\nHost: gateway\r\nAuthorization: ${authorization}\r\n` +
      'Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n',
  );
  // It would begin with 100 Continue.
  expect((await socket.answer()).status).toBe(403);
});
