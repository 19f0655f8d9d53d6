import { afterAll, describe, expect, test } from 'vitest';
import { type Answer, at, expectProblem } from './contract.ts';
import { HostileCaller } from './hostile-caller.ts';
import { House } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const HEAD = 'POST /v1/tubes/heads/jobs HTTP/1.1\r\nHost: x\r\n';
const END = 'Content-Length: 1\r\n\r\nx';
const LONG = `X: ${'y'.repeat(100)}\r\n`;

/** What is answered to these bytes, by one answer alone; and no job was made. */
async function answerTo(bytes: string | Buffer): Promise<Answer> {
  const jobs = await house.figure('total-jobs');
  const caller = await HostileCaller.saying(house.gateway, bytes);
  await caller.untilAnswers(1);
  expect((await house.call('GET', '/livez')).status).toBe(200);
  expect(await house.figure('total-jobs')).toBe(jobs);
  const [answer, ...more] = caller.answers;
  if (answer === undefined || more.length > 0) throw new Error(`no single answer: ${more.length}`);
  return answer;
}

/** The name of the problem, on a connection that is closed behind it. */
async function refusal(bytes: string | Buffer): Promise<unknown> {
  const answer = await answerTo(bytes);
  expectProblem(answer, true);
  expect(answer.headers.connection).toBe('close');
  expect(at(answer.json(), 'outcome')).toBe('none');
  return at(answer.json(), 'type');
}

describe('a head of more than 80 KiB', () => {
  test.each([
    ['of headers', HEAD + LONG.repeat(900) + END],
    ['of one name', `${HEAD}${'x'.repeat(90_000)}: y\r\n${END}`],
    ['of its query', `POST /v1/tubes/heads/jobs?${'a=b&'.repeat(22_000)} HTTP/1.1\r\nHost: x\r\n${END}`],
    ['of trailers', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${LONG.repeat(900)}\r\n`],
  ])('%s', async (_name, bytes) => {
    expect(await refusal(bytes)).toBe('/problems/headers-too-large');
  });

  test('one that never ends is cut off', async () => {
    const caller = await HostileCaller.saying(house.gateway, HEAD);
    const more = setInterval(() => caller.says(LONG), 1);
    try {
      await caller.untilAnswers(1);
      await caller.untilGivenUp();
    } finally {
      clearInterval(more);
    }
    expect(caller.answers.map(({ status }) => status)).toEqual([431]);
  });
});

describe('many headers', () => {
  test('the thousandth counts', async () => {
    const headers = `Host: x\r\n${'X: y\r\n'.repeat(998)}X-Request-Id: last\r\n`;
    const answer = await answerTo(`GET /v1/server HTTP/1.1\r\n${headers}\r\n`);
    expect(answer.status).toBe(200);
    expect(answer.headers['x-request-id']).toBe('last');
  });

  test.each([
    ['one more', 'X: y\r\n'.repeat(999)],
    ['thirteen thousand', 'X: y\r\n'.repeat(13_000)],
    ['no two of them alike', Array.from({ length: 13_000 }, (_, n) => `${n.toString(36)}:\r\n`).join('')],
  ])('%s: refused, and soon', async (_name, headers) => {
    const from = performance.now();
    const answer = await answerTo(HEAD + headers + END);
    expect(performance.now() - from).toBeLessThan(1_000);
    expectProblem(answer, true);
    expect(answer.status).toBe(431);
  });
});

describe('bytes that a head cannot have', () => {
  test.each<[string, string]>([
    ['NUL in a value', `${HEAD}X: a\0b\r\n${END}`],
    ['NUL in a name', `${HEAD}X\0: a\r\n${END}`],
    ['CR in a value', `${HEAD}X: a\rb\r\n${END}`],
    ['CR in a name', `${HEAD}X\rY: a\r\n${END}`],
    ['DEL in a value', `${HEAD}X: a\x7fb\r\n${END}`],
    ['a byte beyond ASCII in a name', `${HEAD}X\xff: a\r\n${END}`],
    ['a blank in a name', `${HEAD}X Y: a\r\n${END}`],
    ['no name', `${HEAD}: a\r\n${END}`],
    ['NUL in the target', `${HEAD.replace('heads', 'he\0ads')}${END}`],
    ['a tab in the target', `${HEAD.replace('heads', 'he\tads')}${END}`],
    ['DEL in the target', `${HEAD.replace('heads', 'he\x7fads')}${END}`],
    ['a byte beyond ASCII in the target', `${HEAD.replace('heads', 'he\xffads')}${END}`],
    ['UTF-8 in the target', `${HEAD.replace('heads', 'he\xc3\xa9ads')}${END}`],
    ['a byte beyond ASCII in the query', `${HEAD.replace('jobs', 'jobs?ttr=\xff')}${END}`],
    ['a lower-case method', `${HEAD.replace('POST', 'post')}${END}`],
    ['HTTP in lower case', `${HEAD.replace('HTTP', 'http')}${END}`],
    ['no target', `POST HTTP/1.1\r\nHost: x\r\n${END}`],
    ['no slash before the target', `POST v1/tubes/heads/jobs HTTP/1.1\r\nHost: x\r\n${END}`],
    ['HTTP/1.2', `${HEAD.replace('1.1', '1.2')}${END}`],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['the start of TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'],
  ])('%s', async (_name, text) => {
    expect(await refusal(Buffer.from(text, 'latin1'))).toBe('/problems/invalid-request');
  });
});

describe('targets that mean something elsewhere', () => {
  const get = (target: string) => answerTo(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);

  test.each([
    ['http://other/v1/server', 200],
    ['HTTPS://user:pass@other:99/v1/server', 200],
    ['http://other/nope', 404],
    ['http:///v1/server', 400],
    ['ftp://other/v1/server', 404],
    ['file:///v1/server', 404],
    ['//v1/server', 404],
    ['//other/v1/server', 404],
    ['/v1//server', 404],
    ['/v1/./server', 404],
    ['/v1/tubes/../server', 404],
    ['/v1/%2e%2e/v1/server', 404],
    ['/v1%2fserver', 404],
    ['/v1\\server', 404],
    ['/v1/server;x=1', 404],
    ['/v1/server%00', 404],
    ['/v1/server%3fx=1', 404],
    ['/v1/server#x=1', 400],
    ['/docs/static/..%5c..%5cpackage.json', 404],
    ['/docs/static/%00', 404],
    ['/docs/static//etc/passwd', 404],
  ])('GET %s is %i', async (target, status) => {
    const answer = await get(target);
    expect(answer.status).toBe(status);
    if (status !== 200) expectProblem(answer, false);
  });

  test.each([
    ['slashes', '/'.repeat(79_000), 404],
    ['a tube', `/v1/tubes/${'a'.repeat(79_000)}`, 400],
    ['a tube, percent-encoded', `/v1/tubes/${'%61'.repeat(26_000)}`, 400],
    ['a tube that is no UTF-8', `/v1/tubes/${'%ff'.repeat(26_000)}`, 400],
    ['a query', `/v1/tubes?${'a=b&'.repeat(19_000)}`, 400],
    ['a query without names', `/v1/tubes?${'&'.repeat(79_000)}`, 200],
  ])('79 KB of %s', async (_name, target, status) => {
    const from = performance.now();
    const answer = await get(target);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(answer.status).toBe(status);
    if (status !== 200) expectProblem(answer, false);
  });

  test('the server as a whole has no options', async () => {
    const answer = await answerTo('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n');
    expectProblem(answer, false);
    expect(answer.status).toBe(405);
  });

  test('a tube of 200 bytes in 600 characters is one like any other', async () => {
    const path = `/v1/tubes/${'%61'.repeat(200)}/jobs`;
    expect((await house.post(path, { body: 'x' })).status).toBe(201);
    expect(await house.tubeFigure('a'.repeat(200), 'current-jobs-ready')).toBe(1);
    const longer = `/v1/tubes/${'%61'.repeat(201)}/jobs`;
    expect(await answerTo(`POST ${longer} HTTP/1.1\r\nHost: x\r\n${END}`)).toMatchObject({ status: 400 });
  });
});
