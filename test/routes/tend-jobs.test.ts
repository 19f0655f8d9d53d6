import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from './calls.ts';
import { at } from './contract.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const UINT64_MAX = '18446744073709551615';

async function bury(tube: string): Promise<void> {
  const { calls } = house;
  await calls.ok(204, 'POST', `/v1/reservations/${await calls.reserve(tube)}/bury`);
}

describe('getJob', () => {
  test('all fields of a ready job and its body', async () => {
    const { calls, raw } = house;
    const id = await raw.put('get', 'Hällo', { priority: 7, ttr: 90 });
    expect(await calls.ok(200, 'GET', `/v1/jobs/${id}`)).toEqual({
      job: {
        id,
        tube: 'get',
        state: 'ready',
        priority: 7,
        ttr: 90,
        delay: 0,
        age: expect.any(Number),
        timeLeft: expect.any(Number),
        file: 0,
        reserves: 0,
        timeouts: 0,
        releases: 0,
        buries: 0,
        kicks: 0,
      },
      body: 'Hällo',
      encoding: 'utf-8',
    });
    expect(await raw.stateOf(id)).toBe('ready');
  });

  test('the statistics are those of beanstalkd, in every state', async () => {
    const { calls, raw } = house;
    const buried = await raw.put('states', 'b', { priority: 1 });
    await bury('states');
    const reserved = await raw.put('states', 'r', { priority: 2 });
    await calls.reserve('states');
    const ready = await raw.put('states', 'y', { priority: 3 });
    const delayed = await raw.put('states', 'd', { priority: 4, delay: 1000 });
    for (const [id, state] of [
      [buried, 'buried'],
      [reserved, 'reserved'],
      [ready, 'ready'],
      [delayed, 'delayed'],
    ] as const) {
      const job = at(await calls.ok(200, 'GET', `/v1/jobs/${id}`), 'job');
      const stats = await raw.stats(`stats-job ${id}`);
      expect(job).toMatchObject({ id, state, tube: 'states' });
      for (const [field, wire] of [
        ['priority', 'pri'],
        ['ttr', 'ttr'],
        ['delay', 'delay'],
        ['reserves', 'reserves'],
        ['timeouts', 'timeouts'],
        ['releases', 'releases'],
        ['buries', 'buries'],
        ['kicks', 'kicks'],
        ['file', 'file'],
      ] as const) {
        expect(at(job, field), `${field} of the ${state} one`).toBe(Number(stats?.[wire]));
      }
      expect(Math.abs(Number(at(job, 'timeLeft')) - Number(stats?.['time-left']))).toBeLessThan(2);
      expect(await raw.stateOf(id)).toBe(state);
    }
  });

  test.for([
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), 'base64'],
    ['CRLF and NUL', Buffer.from('a\r\nINSERTED 1\r\n\0b'), 'utf-8'],
    ['a byte order mark', Buffer.from('\uFEFFx'), 'utf-8'],
    ['nothing', Buffer.alloc(0), 'utf-8'],
    ['half a character', Buffer.from([0xe2, 0x82]), 'base64'],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80]), 'base64'],
  ] as const)('the body byte for byte: %s', async ([, body, encoding]) => {
    const { calls, raw } = house;
    const id = await raw.put('bytes', body);
    const found = await calls.ok(200, 'GET', `/v1/jobs/${id}`);
    expect(at(found, 'encoding')).toBe(encoding);
    expect(Buffer.from(String(at(found, 'body')), encoding)).toEqual(body);
    expect(await calls.ok(200, 'GET', `/v1/jobs/${id}?encoding=base64`)).toMatchObject({
      body: body.toString('base64'),
      encoding: 'base64',
    });
    const headers = { accept: 'application/octet-stream' };
    const answer = await calls.call('GET', `/v1/jobs/${id}`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(body);
  });

  test('octet-stream: the statistics as headers', async () => {
    const { calls, raw } = house;
    const id = await raw.put('raw(;)', 'x', { priority: 4_294_967_295, delay: 1000, ttr: 77 });
    const headers = { accept: 'application/octet-stream;q=1, application/json;q=0.5' };
    const answer = await calls.call('GET', `/v1/jobs/${id}`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '1',
      'job-id': id,
      'job-tube': 'raw(;)',
      'job-state': 'delayed',
      'job-priority': '4294967295',
      'job-ttr': '77',
      'job-reserves': '0',
    });
    expect(Number(answer.headers['job-time-left'])).toBeGreaterThan(990);
  });

  test('a half-written job is none, whoever asks what; whole, it is one', async () => {
    const { calls, raw, beanstalkd } = house;
    const before = await raw.put('half', 'whole');
    const writer = await beanstalkd.raw();
    await writer.command('use half');
    writer.write('put 0 0 60 6\r\nsec');
    const id = String(BigInt(before) + 1n);
    await expect.poll(() => raw.stateOf(id)).toBe('invalid');
    for (const accept of ['application/json', 'application/octet-stream']) {
      const answer = await calls.problem('job-not-found', 'GET', `/v1/jobs/${id}`, { headers: { accept } });
      expect(answer.text).not.toContain('sec"');
    }
    await calls.problem('job-not-found', 'DELETE', `/v1/jobs/${id}`);
    await calls.problem('job-not-found', 'POST', `/v1/jobs/${id}/kick`);
    await calls.problem('job-not-found', 'POST', `/v1/jobs/${id}/reservation`);
    expect(await raw.stateOf(id)).toBe('invalid');
    writer.write('ret\r\n');
    expect(await writer.line()).toBe(`INSERTED ${id}`);
    expect(await calls.ok(200, 'GET', `/v1/jobs/${id}`)).toMatchObject({ body: 'secret' });
  });

  test.for(['0', UINT64_MAX, '9007199254740993'])('no job %s', async (id) => {
    const { problem } = await house.calls.problem('job-not-found', 'GET', `/v1/jobs/${id}`);
    expect(at(problem, 'detail')).toContain(id);
  });

  test('HEAD is GET without its body, and leaves no memory taken', async () => {
    const { calls, raw, gateway } = house;
    const id = await raw.put('head', 'xyz');
    const answer = await calls.call('HEAD', `/v1/jobs/${id}`);
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    await expect.poll(() => gateway.pool.snapshot().bodyBytes).toBe(0);
  });

  test('a form that is none is refused', async () => {
    const { calls, raw } = house;
    const id = await raw.put('form', 'x');
    for (const accept of ['text/html', 'application/json;q=0', 'image/*', 'nonsense']) {
      await calls.problem('not-acceptable', 'GET', `/v1/jobs/${id}`, { headers: { accept } });
      await calls.problem('not-acceptable', 'GET', '/v1/tubes/form/peek?state=ready', {
        headers: { accept },
      });
    }
  });
});

describe('deleteJob', () => {
  test('a ready, a delayed and a buried job are gone', async () => {
    const { calls, raw } = house;
    const buried = await raw.put('del', 'b');
    await bury('del');
    const ready = await raw.put('del', 'r');
    const delayed = await raw.put('del', 'd', { delay: 1000 });
    const bystander = await raw.put('del', 'x');
    for (const id of [buried, ready, delayed]) {
      await calls.ok(204, 'DELETE', `/v1/jobs/${id}`);
      expect(await raw.stateOf(id)).toBeUndefined();
      await calls.problem('job-not-found', 'DELETE', `/v1/jobs/${id}`);
    }
    expect(await raw.stateOf(bystander)).toBe('ready');
  });

  test('one that somebody else holds stays', async () => {
    const { calls, raw, beanstalkd } = house;
    const id = await raw.put('held', 'x');
    const worker = await beanstalkd.raw();
    expect((await worker.reserve('held'))?.id).toBe(id);
    const { problem } = await calls.problem('job-state-conflict', 'DELETE', `/v1/jobs/${id}`);
    expect(problem).toMatchObject({ state: 'reserved', outcome: 'none' });
    expect(await raw.stateOf(id)).toBe('reserved');
    expect(await worker.command(`delete ${id}`)).toBe('DELETED');
  });

  test('one that the gateway holds for a caller stays', async () => {
    const { calls, raw } = house;
    const id = await raw.put('mine', 'x');
    const token = await calls.reserve('mine');
    const { problem } = await calls.problem('job-state-conflict', 'DELETE', `/v1/jobs/${id}`);
    expect(at(problem, 'state')).toBe('reserved');
    expect(await raw.stateOf(id)).toBe('reserved');
    await calls.ok(204, 'DELETE', `/v1/reservations/${token}`);
    expect(await raw.stateOf(id)).toBeUndefined();
  });

  test('an empty body is fine, whatever its type', async () => {
    const { calls, raw } = house;
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'application/json', 'content-length': '0' },
      { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      { 'content-type': ';;' },
    ]) {
      const id = await raw.put('empty', 'x');
      await calls.ok(204, 'DELETE', `/v1/jobs/${id}`, { headers });
      expect(await raw.stateOf(id)).toBeUndefined();
    }
  });
});

describe('kickJob', () => {
  test('a buried and a delayed job are ready, and only they', async () => {
    const { calls, raw } = house;
    const buried = await raw.put('kick', 'b');
    await bury('kick');
    const delayed = await raw.put('kick', 'd', { delay: 1000 });
    const bystander = await raw.put('kick', 'x', { delay: 1000 });
    for (const id of [buried, delayed]) {
      await calls.ok(204, 'POST', `/v1/jobs/${id}/kick`);
      expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', kicks: '1' });
    }
    expect(await raw.stateOf(bystander)).toBe('delayed');
  });

  test('409 with the state of one that is ready, or held; 404 for none', async () => {
    const { calls, raw } = house;
    const held = await raw.put('kick409', 'h');
    await calls.reserve('kick409');
    const ready = await raw.put('kick409', 'r');
    for (const [id, state] of [
      [held, 'reserved'],
      [ready, 'ready'],
    ] as const) {
      const { problem } = await calls.problem('job-state-conflict', 'POST', `/v1/jobs/${id}/kick`);
      expect(problem).toMatchObject({ state, outcome: 'none' });
      expect(await raw.stateOf(id)).toBe(state);
    }
    await calls.problem('job-not-found', 'POST', `/v1/jobs/${UINT64_MAX}/kick`);
  });
});

describe('peekJob', () => {
  test('the next of each state, byte for byte, without taking it', async () => {
    const { calls, raw } = house;
    const buried = await raw.put('peek/a', Buffer.from([0, 255, 13, 10]));
    await bury('peek%2Fa');
    const later = await raw.put('peek/a', 'later', { priority: 9 });
    const ready = await raw.put('peek/a', 'ready', { priority: 8 });
    await raw.put('peek/a', 'last', { delay: 2000 });
    const delayed = await raw.put('peek/a', 'first', { delay: 1000 });
    for (const [state, id, body] of [
      ['ready', ready, Buffer.from('ready')],
      ['delayed', delayed, Buffer.from('first')],
      ['buried', buried, Buffer.from([0, 255, 13, 10])],
    ] as const) {
      const path = `/v1/tubes/peek%2Fa/peek?state=${state}`;
      const found = await calls.ok(200, 'GET', path);
      expect(at(found, 'job')).toMatchObject({ id, state, tube: 'peek/a' });
      expect(await calls.ok(200, 'GET', `${path}&encoding=base64`)).toMatchObject({
        body: body.toString('base64'),
      });
      const bytes = await calls.call('GET', path, { headers: { accept: 'application/octet-stream' } });
      expect(bytes.body).toEqual(body);
      expect(bytes.headers).toMatchObject({ 'job-id': id, 'job-state': state, 'job-tube': 'peek/a' });
      expect(await raw.stateOf(id)).toBe(state);
    }
    expect(await raw.stateOf(later)).toBe('ready');
  });

  test('no such tube, and none is made; no job in that state', async () => {
    const { calls, raw } = house;
    const before = await raw.list('list-tubes');
    for (const state of ['ready', 'delayed', 'buried']) {
      await calls.problem('tube-not-found', 'GET', `/v1/tubes/nowhere/peek?state=${state}`);
    }
    expect(await raw.list('list-tubes')).toEqual(before);
    await raw.put('only', 'x');
    await calls.problem('job-not-found', 'GET', '/v1/tubes/only/peek?state=buried');
    await calls.problem('job-not-found', 'GET', '/v1/tubes/only/peek?state=delayed');
    await calls.problem('job-not-found', 'GET', '/v1/tubes/default/peek?state=ready');
  });

  test('the state is needed, and one of three', async () => {
    const { calls } = house;
    for (const [query, name] of [
      ['', 'state'],
      ['?state=reserved', 'state'],
      ['?state=', 'state'],
      ['?state=READY', 'state'],
      ['?state=ready&state=buried', 'state'],
      ['?state=ready&encoding=utf8', 'encoding'],
      ['?state=ready&bound=1', 'bound'],
    ] as const) {
      const { problem } = await calls.problem('invalid-request', 'GET', `/v1/tubes/t/peek${query}`);
      expect(at(problem, 'errors'), query).toContainEqual(expect.objectContaining({ in: 'query', name }));
    }
  });
});
