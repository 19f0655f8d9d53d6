import { afterAll, expect, test } from 'vitest';
import { expectProblem, House, jsonOf } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const BYTES = { headers: { accept: 'application/octet-stream' } };
const of = (id: string, query = '') => `/v1/jobs/${id}/reservation${query}`;

const buried = async (tube: string): Promise<string> => {
  const id = await house.raw.put(tube, 'x');
  await house.raw.reserve(tube);
  await house.raw.command(`bury ${id} 9`);
  return id;
};

const makers: [string, (tube: string) => Promise<string>, object][] = [
  ['ready', (tube) => house.raw.put(tube, 'x'), { reserves: 1, buries: 0 }],
  ['delayed', (tube) => house.raw.put(tube, 'x', { delay: 100 }), { reserves: 1, delay: 100 }],
  ['buried', buried, { reserves: 2, buries: 1, priority: 9 }],
];

test.each(makers)('a %s job', async (state, make, figures) => {
  const tube = house.tube();
  await house.raw.put(tube, 'another', { priority: 0, delay: state === 'buried' ? 100 : 0 });
  const id = await make(tube);
  expect(await house.raw.stateOf(id)).toBe(state);
  const answer = await house.post(of(id));
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(jsonOf(answer)).toMatchObject({
    reservation: expect.stringMatching(/^[A-Za-z0-9._~-]{20,200}$/),
    job: { id, tube, ttr: 60, ...figures },
    body: 'x',
    encoding: 'utf-8',
    expiresAt: expect.stringMatching(/Z$/),
  });
  expect(await house.raw.stateOf(id)).toBe('reserved');
  const { reservation } = jsonOf(answer) as { reservation: string };
  expect((await house.call('DELETE', `/v1/reservations/${reservation}`)).status).toBe(204);
  expect(await house.raw.stateOf(id)).toBeUndefined();
  expectProblem(await house.post(of(id)), 404, 'job-not-found', { outcome: 'none' });
});

test('as bytes', async () => {
  const tube = house.tube();
  const body = Buffer.of(0xff, 0, 13, 10);
  const id = await house.raw.put(tube, body, { priority: 8 });
  const answer = await house.post(of(id), BYTES);
  expect(answer.status).toBe(201);
  expect(answer.bytes).toEqual(body);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    location: `/v1/reservations/${answer.headers['reservation']}`,
    'job-id': id,
    'job-tube': tube,
    'job-priority': '8',
    'job-ttr': '60',
    'job-reserves': '1',
    'reservation-expires': expect.stringMatching(/Z$/),
  });
  expect((await house.call('DELETE', String(answer.headers.location))).status).toBe(204);
  expect(await house.raw.stateOf(id)).toBeUndefined();
});

test('base64 where asked for', async () => {
  const id = await house.raw.put(house.tube(), 'x');
  expect(jsonOf(await house.post(of(id, '?encoding=base64')))).toMatchObject({
    body: 'eA==',
    encoding: 'base64',
  });
});

test('409 while somebody else holds it', async () => {
  const tube = house.tube();
  const id = await house.raw.put(tube, 'x');
  await house.raw.reserve(tube);
  const answer = await house.post(of(id));
  expectProblem(answer, 409, 'job-state-conflict', { state: 'reserved', outcome: 'none' });
  expect(await house.stat(id)).toMatchObject({ state: 'reserved', reserves: '1' });
});

test('409 while another caller of the gateway holds it', async () => {
  const tube = house.tube();
  const id = await house.raw.put(tube, 'x');
  const { reservation } = await house.reserveOne(tube);
  expectProblem(await house.post(of(id)), 409, 'job-state-conflict', { state: 'reserved' });
  expect((await house.post(`/v1/reservations/${reservation}/release`)).status).toBe(204);
  expect((await house.post(of(id))).status).toBe(200);
});

test('of many callers at once one gets it', async () => {
  const id = await house.raw.put(house.tube(), 'x');
  const answers = await Promise.all(Array.from({ length: 20 }, () => house.post(of(id))));
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
  expect((await house.stat(id))['reserves']).toBe('1');
});

test.each(['0', '999999999', '9007199254740993', '18446744073709551615'])('%s: 404', async (id) => {
  expectProblem(await house.post(of(id)), 404, 'job-not-found', { outcome: 'none' });
});

test.each([
  'x',
  '-1',
  '01',
  '1.0',
  '1e3',
  '%201',
  '1%0D%0Adelete%201',
  '18446744073709551616',
  '9'.repeat(300),
])('%s is no id: 400', async (id) => {
  const before = await house.figure('cmd-stats-job');
  expectProblem(await house.post(of(id)), 400, 'invalid-request', {
    outcome: 'none',
    errors: expect.arrayContaining([{ in: 'path', name: 'id', message: expect.any(String) }]),
  });
  expect(await house.figure('cmd-stats-job')).toBe(before);
});

test('what it does not know: 400, and the job stays', async () => {
  const id = await house.raw.put(house.tube(), 'x');
  expectProblem(await house.post(of(id, '?timeout=1')), 400, 'invalid-request');
  expectProblem(await house.post(of(id, '?encoding=hex')), 400, 'invalid-request');
  expectProblem(await house.post(of(id), { body: 'x' }), 400, 'invalid-request');
  expect(await house.stat(id)).toMatchObject({ state: 'ready', reserves: '0' });
});
