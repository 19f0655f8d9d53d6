import { connect } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { at, expectProblem } from './contract.ts';
import { HostileCaller } from './hostile-caller.ts';
import { House } from './work.ts';

const HEADERS_MS = 500;
const GET = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

const house = await House.open({ timeouts: { headersMs: HEADERS_MS, checkEveryMs: 50 } });
afterAll(() => house.close());

const statuses = ({ answers }: HostileCaller) => answers.map(({ status }) => status);
const openConnections = (own: House) =>
  new Promise<number>((resolve) => own.gateway.app.server.getConnections((_error, count) => resolve(count)));

describe('more connections than may be', () => {
  const MAX = 20;

  /** What comes on a connection before the gateway closes it. */
  async function comesOn(own: House): Promise<string> {
    const socket = connect(Number(new URL(own.gateway.url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    socket.write(GET);
    await new Promise((resolve) => socket.once('close', resolve));
    return received;
  }

  test('are closed; those that there are go on, and one that leaves makes room', async () => {
    const own = await House.forTest({ connectionsMax: MAX });
    const callers = await Promise.all(
      Array.from({ length: MAX }, () => HostileCaller.saying(own.gateway, GET)),
    );
    await Promise.all(callers.map((caller) => caller.untilAnswers(1)));
    expect(new Set(await Promise.all(Array.from({ length: 200 }, () => comesOn(own))))).toEqual(
      new Set(['']),
    );
    expect(await openConnections(own)).toBe(MAX);

    for (const caller of callers) caller.says(GET);
    await Promise.all(callers.map((caller) => caller.untilAnswers(2)));
    callers[0]?.socket.destroy();
    await poll('one has left', async () => (await openConnections(own)) < MAX);
    const next = await HostileCaller.saying(own.gateway, GET);
    await next.untilAnswers(1);
    expect(await comesOn(own)).toBe('');
    for (const caller of callers.slice(1)) caller.socket.destroy();
    await poll('they have left', async () => (await openConnections(own)) === 1);
    await own.put('t', 'good');
    expect(await own.tubeFigure('t', 'current-jobs-ready')).toBe(1);
  });
});

describe('a head that does not come', () => {
  test.each<[string, (caller: HostileCaller) => void]>([
    ['no byte of it', () => {}],
    ['half of it', (caller) => caller.says(GET.slice(0, 10))],
    ['one byte now and then', (caller) => drip(caller, `${GET.slice(0, -2)}X: ${'y'.repeat(1_000)}`)],
    ['empty lines for ever', (caller) => drip(caller, '\r\n'.repeat(1_000))],
  ])('%s: 408 in time, and the connection ends although the caller stays', async (_name, behave) => {
    const from = performance.now();
    const caller = await HostileCaller.dial(house.gateway, { staysOpen: true });
    caller.reads();
    behave(caller);
    await caller.untilGivenUp();
    expect(performance.now() - from).toBeGreaterThan(HEADERS_MS);
    expect(statuses(caller)).toEqual([408]);
    for (const answer of caller.answers) {
      expectProblem(answer, true);
      expect(at(answer.json(), 'type')).toBe('/problems/request-timeout');
    }
    expect((await house.call('GET', '/livez')).status).toBe(200);
  });

  test('of a second request neither; but between two there is time', async () => {
    const idle = await HostileCaller.saying(house.gateway, GET);
    await idle.untilAnswers(1);
    const slow = await HostileCaller.saying(house.gateway, GET, { staysOpen: true });
    await slow.untilAnswers(1);
    slow.says(GET.slice(0, 10));
    await slow.untilGivenUp();
    expect(statuses(slow)).toEqual([200, 408]);
    idle.says(GET);
    await idle.untilAnswers(2);
    expect(statuses(idle)).toEqual([200, 200]);
  });

  function drip(caller: HostileCaller, bytes: string): void {
    let sent = 0;
    const timer = setInterval(() => {
      caller.says(bytes.charAt(sent));
      sent += 1;
    }, 20);
    onTestFinished(() => clearInterval(timer));
  }
});

describe('a caller that stays when it was told to go', () => {
  test.each([
    ['after what is no HTTP', 'nonsense\r\n\r\n', 400],
    [
      'after a malformed chunk',
      'POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['after too large a head', `GET /${'x'.repeat(90_000)} HTTP/1.1\r\n`, 431],
    ['after CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    [
      'after too much',
      'POST /v1/tubes/t/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n',
      413,
    ],
    ['after its own close', GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 200],
  ])('%s: the connection ends, whether it is silent or goes on', async (_name, bytes, status) => {
    const stay = async (goesOn: boolean) => {
      const caller = await HostileCaller.saying(house.gateway, bytes, { staysOpen: true });
      await caller.untilAnswers(1);
      const more = setInterval(() => goesOn && caller.says(`${GET}more`), 5);
      await caller.untilGivenUp().finally(() => clearInterval(more));
      expect(statuses(caller)).toEqual([status]);
      expect(caller.answers[0]?.headers.connection).toBe('close');
    };
    await Promise.all([stay(false), stay(true)]);
  });
});

describe('nonsense behind calls that are being carried out', () => {
  const wait = (tube: string, seconds: number) =>
    `POST /v1/tubes/${tube}/reservations?timeout=${seconds} HTTP/1.1\r\nHost: x\r\n\r\n`;

  test('is answered behind their answers, once, however much of it comes', async () => {
    const warnings: string[] = [];
    const warn = ({ message }: Error) => void warnings.push(message);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const first = house.tube();
    const second = house.tube();
    const caller = await HostileCaller.saying(
      house.gateway,
      `${wait(first, 1)}${wait(second, 20)}nonsense\r\n\r\n`,
    );
    const more = setInterval(() => caller.says('nonsense\r\n'.repeat(1_000)), 5);
    onTestFinished(() => clearInterval(more));
    await caller.untilAnswers(1);
    await house.untilWaiting(second);
    const id = await house.raw.put(second, 'x');
    await caller.untilGivenUp();
    expect(statuses(caller)).toEqual([200, 200, 400]);
    expect(at(caller.answers[1]?.json(), 'reservations', 0, 'job', 'id')).toBe(id);
    expect(await house.stat(id)).toMatchObject({ state: 'reserved' });
    // As of listeners that grow in number.
    expect(warnings).toEqual([]);
  });

  test('as a path, too: those that wait their turn before it are answered', async () => {
    const get = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    const malformed = 'POST /v1/tubes/%zz/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const caller = await HostileCaller.saying(
      house.gateway,
      `${wait(house.tube(), 1)}${get.repeat(40)}${malformed}`,
    );
    await caller.untilGivenUp();
    expect(statuses(caller)).toEqual([...Array.from({ length: 41 }, () => 200), 400]);
  });

  test('keeps nobody who leaves', async () => {
    const tube = house.tube();
    const caller = await HostileCaller.saying(house.gateway, `${wait(tube, 20)}nonsense\r\n\r\n`);
    await house.untilWaiting(tube);
    caller.socket.destroy();
    await house.untilWaiting(tube, 0);
  });
});
