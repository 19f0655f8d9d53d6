import { afterAll, describe, expect, test } from 'vitest';
import { expectProblem } from './contract.ts';
import { HostileCaller } from './hostile-caller.ts';
import { House } from './work.ts';

/*
 * Where one request ends and the next begins. A proxy in front that reads it otherwise would pass on a second request
 * inside of the first: nothing of that kind is carried out.
 */

const house = await House.open();
afterAll(() => house.close());

const PUT = 'POST /v1/tubes/framed/jobs HTTP/1.1\r\nHost: x\r\n';
const CHUNKED = `${PUT}Transfer-Encoding: chunked\r\n\r\n`;
const LAST = '0\r\n\r\n';
const NEXT = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

/** Takes them, on a connection of its own, which has watched nothing else. */
const jobsIn = async (tube: string) =>
  (await (await house.beanstalkd.raw()).takeAll(tube)).map((body) => body.toString());

/** A put to a tube of its own, and what must not be carried out: it deletes a job that is there, and puts another. */
async function attempt() {
  const tube = house.tube();
  const smuggled = house.tube();
  const victim = await house.raw.put(house.tube(), 'x');
  const rest =
    `DELETE /v1/jobs/${victim} HTTP/1.1\r\nHost: x\r\n\r\n` +
    `POST /v1/tubes/${smuggled}/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx`;
  return {
    tube,
    rest,
    say: (bytes: string, options?: { readonly staysOpen: boolean }) =>
      HostileCaller.saying(house.gateway, bytes.replace('/framed/', `/${tube}/`), options),
    expectNotSmuggled: async () => {
      expect(await house.raw.stateOf(victim)).toBe('ready');
      expect(await jobsIn(smuggled)).toEqual([]);
    },
  };
}

/** A good call of somebody else. */
async function expectServed(): Promise<void> {
  const tube = house.tube();
  await house.put(tube, 'good');
  expect(await jobsIn(tube)).toEqual(['good']);
}

describe('refused: one answer, the connection closed, and nothing done', () => {
  test.each<[string, (rest: string) => string]>([
    [
      'a length before chunks',
      (rest) => `${PUT}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${LAST}${rest}`,
    ],
    [
      'chunks before a length',
      (rest) => `${PUT}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${LAST}${rest}`,
    ],
    ['two lengths', (rest) => `${PUT}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab${rest}`],
    ['the same length twice', (rest) => `${PUT}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab${rest}`],
    ['a list of lengths', (rest) => `${PUT}Content-Length: 2, 2\r\n\r\nab${rest}`],
    ['+5', (rest) => `${PUT}Content-Length: +5\r\n\r\nabcde${rest}`],
    ['-1', (rest) => `${PUT}Content-Length: -1\r\n\r\n${rest}`],
    ['0x5', (rest) => `${PUT}Content-Length: 0x5\r\n\r\nabcde${rest}`],
    ['5.0', (rest) => `${PUT}Content-Length: 5.0\r\n\r\nabcde${rest}`],
    ['5 5', (rest) => `${PUT}Content-Length: 5 5\r\n\r\nabcde${rest}`],
    ['no digits', (rest) => `${PUT}Content-Length: \r\n\r\n${rest}`],
    ['a length beyond 2^64', (rest) => `${PUT}Content-Length: 18446744073709551621\r\n\r\nabcde${rest}`],
    ['xchunked', (rest) => `${PUT}Transfer-Encoding: xchunked\r\n\r\n${LAST}${rest}`],
    ['identity', (rest) => `${PUT}Transfer-Encoding: identity\r\n\r\n${LAST}${rest}`],
    ['chunked, identity', (rest) => `${PUT}Transfer-Encoding: chunked, identity\r\n\r\n${LAST}${rest}`],
    ['chunked, chunked', (rest) => `${PUT}Transfer-Encoding: chunked, chunked\r\n\r\n${LAST}${rest}`],
    [
      'chunked and identity',
      (rest) => `${PUT}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${LAST}${rest}`,
    ],
    ['"chunked"', (rest) => `${PUT}Transfer-Encoding: "chunked"\r\n\r\n${LAST}${rest}`],
    ['a vertical tab before chunked', (rest) => `${PUT}Transfer-Encoding: \x0bchunked\r\n\r\n${LAST}${rest}`],
    ['identity, chunked', (rest) => `${PUT}Transfer-Encoding: identity, chunked\r\n\r\n${LAST}${rest}`],
    ['gzip, chunked', (rest) => `${PUT}Transfer-Encoding: gzip, chunked\r\n\r\n${LAST}${rest}`],
    ['no coding', (rest) => `${PUT}Transfer-Encoding: \r\n\r\n${rest}`],
    ['no coding, and a length', (rest) => `${PUT}Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc${rest}`],
    ['a folded coding', (rest) => `${PUT}Transfer-Encoding:\r\n chunked\r\n\r\n${LAST}${rest}`],
    ['a folded length', (rest) => `${PUT}X: a\r\n Content-Length: ${rest.length}\r\n\r\n${rest}`],
    ['a blank before the colon of a length', (rest) => `${PUT}Content-Length : 5\r\n\r\nabcde${rest}`],
    [
      'a blank before the colon of a coding',
      (rest) => `${PUT}Transfer-Encoding : chunked\r\n\r\n${LAST}${rest}`,
    ],
    [
      'a blank before the first header',
      (rest) => `POST /v1/tubes/framed/jobs HTTP/1.1\r\n Host: x\r\nContent-Length: 5\r\n\r\nabcde${rest}`,
    ],
    ['two hosts', (rest) => `${PUT}HOST: y\r\nTransfer-Encoding: chunked\r\n\r\n${LAST}${rest}`],
    ['a chunk size that is none', (rest) => `${CHUNKED}zz\r\nabc\r\n${LAST}${rest}`],
    ['a negative chunk size', (rest) => `${CHUNKED}-3\r\nabc\r\n${LAST}${rest}`],
    ['a chunk size of 0x3', (rest) => `${CHUNKED}0x3\r\nabc\r\n${LAST}${rest}`],
    ['a chunk size beyond 2^64', (rest) => `${CHUNKED}10000000000000003\r\nabc\r\n${LAST}${rest}`],
    ['a blank behind a chunk size', (rest) => `${CHUNKED}3 \r\nabc\r\n${LAST}${rest}`],
    ['no chunk size', (rest) => `${CHUNKED}\r\nabc\r\n${LAST}${rest}`],
    ['a bare LF behind a chunk size', (rest) => `${CHUNKED}3\nabc\r\n${LAST}${rest}`],
    ['a bare LF in a chunk extension', (rest) => `${CHUNKED}3;a\nabc\r\n${LAST}${rest}`],
    ['a bare CR in a chunk extension', (rest) => `${CHUNKED}3;a\rb\r\nabc\r\n${LAST}${rest}`],
    ['a chunk extension of 20 KB', (rest) => `${CHUNKED}3;${'a'.repeat(20_000)}\r\nabc\r\n${LAST}${rest}`],
    ['a bare LF behind a chunk', (rest) => `${CHUNKED}3\r\nabc\n${LAST}${rest}`],
    ['nothing behind a chunk', (rest) => `${CHUNKED}3\r\nabc${LAST}${rest}`],
    ['a chunk longer than its size', (rest) => `${CHUNKED}3\r\nabcd\r\n${LAST}${rest}`],
    ['bare LFs behind the last chunk', (rest) => `${CHUNKED}3\r\nabc\r\n0\n\n${rest}`],
    [
      'a length as a trailer',
      (rest) => `${CHUNKED}3\r\nabc\r\n0\r\nContent-Length: ${rest.length}\r\n\r\n${rest}`,
    ],
    [
      'a coding as a trailer',
      (rest) => `${CHUNKED}3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`,
    ],
    ['bare LFs everywhere', (rest) => `${PUT.replaceAll('\r\n', '\n')}Content-Length: 1\n\nx${rest}`],
    ['a bare LF in front of a length', (rest) => `${PUT}X: a\nContent-Length: 1\r\n\r\nx${rest}`],
    ['a bare CR in front of a length', (rest) => `${PUT}X: a\rContent-Length: 1\r\n\r\nx${rest}`],
  ])('%s', async (_name, make) => {
    const { tube, rest, say, expectNotSmuggled } = await attempt();
    const puts = await house.figure('cmd-put');
    const caller = await say(make(rest));
    await caller.untilGivenUp();
    expect(caller.answers.map(({ status }) => status)).toEqual([400]);
    for (const answer of caller.answers) {
      expectProblem(answer, true);
      expect(answer.json()).toMatchObject({ type: '/problems/invalid-request', outcome: 'none' });
    }
    expect(await house.figure('cmd-put')).toBe(puts);
    expect(await jobsIn(tube)).toEqual([]);
    await expectNotSmuggled();
    await expectServed();
  });
});

describe('unusual, but clear: the body as it was sent, and the next request behind it', () => {
  const asBody = (rest: string) => `Content-Length: ${rest.length}\r\n\r\n${rest}`;
  const asChunk = (rest: string) => `${rest.length.toString(16)}\r\n${rest}\r\n${LAST}`;

  test.each<[string, (rest: string) => string, (rest: string) => string]>([
    ['requests in the body', (rest) => PUT + asBody(rest), (rest) => rest],
    ['requests in a chunk', (rest) => CHUNKED + asChunk(rest), (rest) => rest],
    ['a last chunk in a chunk', (rest) => CHUNKED + asChunk(LAST + rest), (rest) => LAST + rest],
    ['chunk extensions', () => `${CHUNKED}3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n`, () => 'abc'],
    ['trailers', () => `${CHUNKED}3\r\nabc\r\n0\r\nX-Sum: y\r\n\r\n`, () => 'abc'],
    ['zeros before a chunk size', () => `${CHUNKED}0003\r\nabc\r\n000\r\n\r\n`, () => 'abc'],
    ['zeros before a length', () => `${PUT}Content-Length: 0003\r\n\r\nabc`, () => 'abc'],
    [
      'CHUNKED behind a tab',
      () => `${PUT}TRANSFER-ENCODING:\tCHUNKED\r\n\r\n3\r\nabc\r\n${LAST}`,
      () => 'abc',
    ],
    ['empty lines before it', () => `\r\n\r\n${PUT}${asBody('abc')}`, () => 'abc'],
    [
      'a length as the thousandth header',
      (rest) => PUT + 'X: y\r\n'.repeat(998) + asBody(rest),
      (rest) => rest,
    ],
  ])('%s', async (_name, make, body) => {
    const { tube, rest, say, expectNotSmuggled } = await attempt();
    const caller = await say(make(rest) + NEXT);
    await caller.untilAnswers(2);
    expect(caller.answers.map(({ status }) => status)).toEqual([201, 200]);
    expect(await jobsIn(tube)).toEqual([body(rest)]);
    await expectNotSmuggled();
  });

  test.each<[string, string, number]>([
    ['refused for what it says', `${PUT}Content-Encoding: gzip\r\n`, 415],
    ['where none is taken', 'GET /livez HTTP/1.1\r\nHost: x\r\n', 400],
    ['where there is nothing', 'POST /nope HTTP/1.1\r\nHost: x\r\n', 404],
    ['without a Host', 'POST /v1/tubes/framed/jobs HTTP/1.1\r\n', 400],
  ])('a body that nobody reads, %s, is no request', async (_name, head, status) => {
    const { tube, rest, say, expectNotSmuggled } = await attempt();
    const caller = await say(head + asBody(rest) + NEXT);
    await caller.untilAnswers(2);
    expect(caller.answers.map((answer) => answer.status)).toEqual([status, 200]);
    expect(await jobsIn(tube)).toEqual([]);
    await expectNotSmuggled();
  });
});

describe('behind what ends the connection nothing is carried out', () => {
  test.each<[string, string, number]>([
    ['the caller’s own close', `${PUT}Connection: close\r\nContent-Length: 1\r\n\r\nx`, 201],
    ['HTTP/1.0', 'POST /v1/tubes/framed/jobs HTTP/1.0\r\nContent-Length: 1\r\n\r\nx', 201],
    ['chunks in HTTP/1.0', `${CHUNKED}1\r\nx\r\n${LAST}`.replace('HTTP/1.1', 'HTTP/1.0'), 201],
    [
      'chunks that are refused unread',
      `${PUT}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n${LAST}`,
      415,
    ],
    [
      'chunks where none are taken',
      `GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n${LAST}`,
      400,
    ],
    ['too many headers', `${PUT}${'X: y\r\n'.repeat(999)}Content-Length: 1\r\n\r\nx`, 431],
    ['too much', `${PUT}Content-Length: 2000000\r\n\r\n${'x'.repeat(2_000_000)}`, 413],
    [
      'an upgrade that is not made',
      `${PUT}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx`,
      201,
    ],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ])('%s', async (_name, ending, status) => {
    const { tube, rest, say, expectNotSmuggled } = await attempt();
    const caller = await say(ending + rest);
    await caller.untilAnswers(1);
    await caller.untilGivenUp();
    expect(caller.answers.map((answer) => answer.status)).toEqual([status]);
    expect(caller.answers[0]?.headers.connection).toBe('close');
    expect(await jobsIn(tube)).toEqual(status === 201 ? ['x'] : []);
    await expectNotSmuggled();
    await expectServed();
  });

  test('and what comes once it was answered, neither', async () => {
    const { rest, say, expectNotSmuggled } = await attempt();
    const refused = `${PUT}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const caller = await say(refused, { staysOpen: true });
    await caller.untilAnswers(1);
    let read = 0;
    house.gateway.app.server.on('request', ({ socket }) => {
      if (socket === caller.atGateway) read += 1;
    });
    caller.says(`1\r\nx\r\n${LAST}${rest}`);
    await caller.untilGivenUp();
    expect(read).toBe(0);
    expect(caller.answers.map(({ status }) => status)).toEqual([415]);
    await expectNotSmuggled();
  });
});
