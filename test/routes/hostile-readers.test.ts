import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { HostileCaller } from './hostile-caller.ts';
import { House } from './work.ts';

/** More than the kernel takes off the gateway's hands. */
const LARGE = 48 * 1024 * 1024;
const STALL_MS = 1_000;
const CHECK_MS = 100;

const house = await House.open({
  args: ['-z', String(LARGE)],
  limits: { bodyMaxBytes: LARGE },
  timeouts: { answerStallMs: STALL_MS, stallCheckEveryMs: CHECK_MS },
});
afterAll(() => house.close());

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const reserve = (tube: string, query = '') =>
  `POST /v1/tubes/${tube}/reservations${query} HTTP/1.1\r\nHost: x\r\nAccept: application/octet-stream\r\n\r\n`;

const isStuck = ({ atGateway }: HostileCaller) => atGateway.writableLength > 0;
const untilStuck = (caller: HostileCaller) => poll('its answers do not leave', () => isStuck(caller));

/** Reads so many bytes in each tenth of a second. */
function readSlowly({ socket }: HostileCaller, bytes: number): void {
  let room = bytes;
  socket.on('data', (chunk: Buffer) => {
    room -= chunk.length;
    if (room > 0) return;
    room += bytes;
    socket.pause();
    setTimeout(() => socket.resume(), 100);
  });
}

/** Fails where it is given up before its time, or not at all. */
async function expectGivenUp(caller: HostileCaller): Promise<void> {
  await untilStuck(caller);
  const from = performance.now();
  await caller.untilGivenUp();
  expect(performance.now() - from).toBeGreaterThan(STALL_MS - CHECK_MS);
}

describe('a caller that does not read is cut off', () => {
  test('from a large job, which is ready again', async () => {
    const tube = house.tube();
    const id = await house.raw.put(tube, Buffer.alloc(LARGE, 'x'));
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(reserve(tube));
    await expectGivenUp(caller);
    await house.untilNothingIsLeft();
    await house.untilState(id, 'ready');
    await house.raw.command(`delete ${id}`);
    // Nor does the kernel keep its part of the answer, megabytes of it.
    caller.reads();
    await poll('it notices', () => caller.socket.closed);
    expect(caller.socket.bytesRead).toBeLessThan(1_000_000);
  });

  test('from a large job that it only looks at', async () => {
    const id = await house.raw.put(house.tube(), Buffer.alloc(LARGE, 'x'));
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(`GET /v1/jobs/${id} HTTP/1.1\r\nHost: x\r\nAccept: application/octet-stream\r\n\r\n`);
    await expectGivenUp(caller);
    await house.untilNothingIsLeft();
    await house.raw.command(`delete ${id}`);
  });

  describe('from many answers that it asked for ahead', () => {
    beforeAll(async () => {
      for (let n = 0; n < 200; n += 1) await house.raw.put(`listed${n}`, 'x');
    });

    test.each([
      ['large ones', '/v1/tubes', 1_000],
      ['small ones', '/v1/server', 20_000],
    ])('%s', async (_name, path, count) => {
      const caller = await HostileCaller.dial(house.gateway);
      caller.says(get(path).repeat(count));
      await expectGivenUp(caller);
      expect((await house.call('GET', path)).status).toBe(200);
    });
  });

  test('although it goes on sending', async () => {
    const tube = house.tube();
    const upload = 'POST /v1/tubes/drip/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n';
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(reserve(tube, '?timeout=10') + upload);
    await house.untilWaiting(tube);
    const more = setInterval(() => caller.says('x'), 20);
    try {
      const id = await house.raw.put(tube, Buffer.alloc(LARGE, 'x'));
      await expectGivenUp(caller);
      await house.untilNothingIsLeft();
      await house.untilState(id, 'ready');
    } finally {
      clearInterval(more);
    }
  });

  test('not one that has nothing to read yet', async () => {
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(reserve(house.tube(), '?timeout=3'));
    caller.reads();
    await caller.untilAnswers(1);
    expect(caller.answers[0]?.status).toBe(204);
  });
});

describe('a caller that reads', () => {
  test('slowly gets all of it', async () => {
    const tube = house.tube();
    const id = await house.raw.put(tube, Buffer.alloc(LARGE, 'x'));
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(reserve(tube));
    await untilStuck(caller);
    const from = performance.now();
    readSlowly(caller, LARGE / 60);
    await poll('all has left', () => !isStuck(caller), 20_000);
    // Otherwise it was never in danger.
    expect(performance.now() - from).toBeGreaterThan(3 * STALL_MS);
    await poll('all has come', () => caller.socket.bytesRead > LARGE);
    expect(caller.atGateway.destroyed).toBe(false);
    expect(await house.stat(id)).toMatchObject({ state: 'reserved' });
  });

  test('late may wait for a job afterwards, asked for ahead or not', async () => {
    const tube = house.tube();
    const empty = house.tube();
    await house.raw.put(tube, Buffer.alloc(LARGE, 'x'));
    const caller = await HostileCaller.dial(house.gateway);
    caller.says(reserve(tube) + reserve(empty, '?timeout=3'));
    await untilStuck(caller);
    caller.reads();
    await caller.untilAnswers(2, 10_000);
    caller.says(reserve(empty, '?timeout=3'));
    await caller.untilAnswers(3);
    expect(caller.answers.map(({ status }) => status)).toEqual([201, 204, 204]);
  });
});

describe('ten thousand calls sent ahead, and nothing read', () => {
  test('are answered as they are read, while others are served', async () => {
    const own = await House.forTest();
    const caller = await HostileCaller.dial(own.gateway);
    let handled = 0;
    own.gateway.app.server.on('request', ({ socket }) => {
      if (socket === caller.atGateway) handled += 1;
    });
    const before = process.memoryUsage().rss;
    caller.says(get('/openapi.json').repeat(10_000));
    await untilStuck(caller);
    for (let n = 0; n < 50; n += 1) {
      const from = performance.now();
      await own.put('t', `${n}`);
      expect(performance.now() - from).toBeLessThan(1_000);
    }
    expect(handled).toBeLessThan(5_000);
    expect(caller.atGateway.writableLength).toBeLessThan(16 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    expect(await own.tubeFigure('t', 'current-jobs-ready')).toBe(50);
  });

  test('that put jobs: each is put once, and in their order', async () => {
    const own = await House.forTest({ args: ['-z', '100'] });
    const put = (n: number) =>
      `POST /v1/tubes/ahead/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: ${`${n}`.length}\r\n\r\n${n}`;
    const caller = await HostileCaller.dial(own.gateway);
    caller.says(Array.from({ length: 10_000 }, (_, n) => put(n)).join(''));
    await once(caller.socket, 'readable');
    expect((await own.call('GET', '/livez')).status).toBe(200);
    caller.reads();
    await caller.untilAnswers(10_000, 20_000);
    expect(new Set(caller.answers.map(({ status }) => status))).toEqual(new Set([201]));
    const bodies = (await own.raw.takeAll('ahead')).map(String);
    expect(bodies).toEqual(Array.from({ length: 10_000 }, (_, n) => `${n}`));
  });

  test('a long poll in front holds back what is behind it, beyond a few', async () => {
    const own = await House.forTest();
    const caller = await HostileCaller.dial(own.gateway);
    const put = 'POST /v1/tubes/behind/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx';
    caller.says(reserve('empty', '?timeout=2') + put.repeat(500));
    await own.untilWaiting('empty');
    await poll('some are put', async () => (await own.tubeFigure('behind', 'total-jobs')) >= 32);
    expect(await own.tubeFigure('behind', 'total-jobs')).toBe(32);
    caller.reads();
    await caller.untilAnswers(501, 10_000);
    expect(await own.tubeFigure('behind', 'total-jobs')).toBe(500);
  });

  test('and meanwhile no more is read of it, until its turn comes', async () => {
    const own = await House.forTest();
    const caller = await HostileCaller.dial(own.gateway);
    let handled = 0;
    own.gateway.app.server.on('request', ({ socket }) => {
      if (socket === caller.atGateway) handled += 1;
    });
    caller.says(reserve('empty', '?timeout=2') + get('/livez').repeat(20_000));
    await own.untilWaiting('empty');
    await poll('it is not read', () => caller.atGateway.isPaused());
    expect(handled).toBeLessThan(5_000);
    caller.reads();
    await caller.untilAnswers(20_001, 20_000);
    expect(handled).toBe(20_001);
  });

  test('and of large heads, fewer', async () => {
    const own = await House.forTest();
    const caller = await HostileCaller.dial(own.gateway);
    let handled = 0;
    own.gateway.app.server.on('request', ({ socket }) => {
      if (socket === caller.atGateway) handled += 1;
    });
    const large = `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`;
    caller.says(reserve('empty', '?timeout=2') + large.repeat(200));
    await own.untilWaiting('empty');
    await poll('it is not read', () => caller.atGateway.isPaused());
    expect(handled).toBeLessThan(100);
    caller.reads();
    await caller.untilAnswers(201, 20_000);
  });

  test('and what waits for its turn goes with its caller', async () => {
    const own = await House.forTest();
    const caller = await HostileCaller.dial(own.gateway);
    const put = 'POST /v1/tubes/behind/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx';
    caller.says(reserve('empty', '?timeout=20') + put.repeat(500));
    await poll('some are put', async () => (await own.tubeFigure('behind', 'total-jobs')) >= 32);
    caller.socket.resetAndDestroy();
    await caller.untilGivenUp();
    await own.untilNothingIsLeft();
    await own.put('behind', 'x');
    expect(await own.tubeFigure('behind', 'total-jobs')).toBe(33);
  });
});
