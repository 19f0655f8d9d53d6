import { STATUS_CODES } from 'node:http';
import { describe, expect, test } from 'vitest';
import { BeanstalkdError, PoolError } from '../../src/pool/errors.ts';
import { invalid, Problem, toProblem } from '../../src/routes/problem.ts';
import { PROBLEMS } from '../../src/routes/problem-table.ts';

const failed = (...args: ConstructorParameters<typeof BeanstalkdError>) =>
  toProblem(new BeanstalkdError(...args));
const refused = (...args: ConstructorParameters<typeof PoolError>) => toProblem(new PoolError(...args));

test('every problem has the form that its page and its callers need', () => {
  for (const [name, { status, title, meaning, action }] of Object.entries(PROBLEMS)) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(STATUS_CODES[status]).toBeDefined();
    // They stand in HTML as they are.
    for (const text of [title, meaning, action]) expect(text).toMatch(/^[^<>&]+$/);
  }
});

describe('an error of a connection', () => {
  test.each([
    ['UNREACHABLE', 'none', 'beanstalkd-unreachable', 503],
    ['CONNECTION_LOST', 'none', 'beanstalkd-unreachable', 503],
    ['CONNECTION_LOST', 'unknown', 'beanstalkd-connection-lost', 502],
    ['TIMEOUT', 'none', 'beanstalkd-timeout', 504],
    ['TIMEOUT', 'unknown', 'beanstalkd-timeout', 504],
    ['QUEUE_FULL', 'none', 'overloaded', 503],
    ['DRAINING', 'none', 'beanstalkd-draining', 503],
    ['OUT_OF_MEMORY', 'none', 'beanstalkd-out-of-memory', 507],
    ['JOB_TOO_BIG', 'none', 'job-too-big', 413],
    ['INTERNAL_ERROR', 'unknown', 'beanstalkd-internal-error', 502],
    ['PROTOCOL_ERROR', 'unknown', 'beanstalkd-protocol-error', 502],
  ] as const)('%s, outcome %s, is %s', (code, outcome, kind, status) => {
    const problem = failed(code, outcome, '/run/secret.sock');
    expect(problem).toMatchObject({ kind, status, outcome });
    expect(JSON.stringify(problem.body('id', true))).not.toContain('secret');
  });
});

describe('a failure of the pool', () => {
  test.each([
    [{ code: 'OVERLOADED', detail: 'full' }, 'overloaded', {}],
    [{ code: 'TOO_MANY_WAITERS', max: 7 }, 'too-many-waiters', {}],
    [{ code: 'SHUTTING_DOWN' }, 'shutting-down', {}],
    [{ code: 'DEADLINE', deadlineMs: 100 }, 'beanstalkd-timeout', {}],
    [{ code: 'JOB_NOT_FOUND', id: '7' }, 'job-not-found', {}],
    [{ code: 'TUBE_NOT_FOUND', tube: 'a' }, 'tube-not-found', {}],
    [{ code: 'JOB_STATE_CONFLICT', id: '7', state: 'reserved' }, 'job-state-conflict', { state: 'reserved' }],
    [{ code: 'JOB_BURIED', id: '7' }, 'beanstalkd-out-of-memory', { id: '7' }],
    [{ code: 'RESERVATION_NOT_FOUND' }, 'reservation-not-found', {}],
    [{ code: 'RESERVATION_ENDED', reason: 'expired' }, 'reservation-ended', { reason: 'expired' }],
  ] as const)('%o is %s', (failure, kind, members) => {
    const problem = refused(failure);
    expect(problem.kind).toBe(kind);
    expect(problem.extensions).toEqual(members);
  });

  test('a buried put is never said to have done nothing', () => {
    expect(refused({ code: 'JOB_BURIED', id: '7' }).outcome).toBe('unknown');
  });
});

test('each 503 did nothing and says when to come back', () => {
  for (const problem of [
    failed('UNREACHABLE', 'unknown', ''),
    failed('DRAINING', 'unknown', ''),
    refused({ code: 'OVERLOADED', detail: 'full' }, 'unknown'),
  ]) {
    expect(problem.status).toBe(503);
    expect(problem.outcome).toBe('none');
    expect(problem.headers['retry-after']).toMatch(/^[1-3]$/);
  }
});

test('an unforeseen error says nothing of itself', () => {
  const problem = toProblem(new Error('at /srv/app/secret.ts:1'));
  expect(problem.body('id', true)).toEqual({
    type: '/problems/internal-error',
    title: PROBLEMS['internal-error'].title,
    status: 500,
    detail: 'the gateway failed; its log has the request with this id',
    requestId: 'id',
    outcome: 'unknown',
  });
});

test('the outcome is said only of calls that change something', () => {
  const problem = new Problem('job-not-found', 'gone');
  expect(problem.body('id', true)).toHaveProperty('outcome', 'none');
  expect(problem.body('id', false)).not.toHaveProperty('outcome');
});

test('what Ajv reports is named part by part', () => {
  const validation = [
    {
      keyword: 'additionalProperties',
      instancePath: '',
      params: { additionalProperty: 'foo' },
      message: 'x',
    },
    { keyword: 'pattern', instancePath: '/tube/1', params: {}, message: 'x' },
    { keyword: 'maxLength', instancePath: '/tube/1', params: {}, message: 'x' },
  ];
  const error = Object.assign(new Error('x'), { validation, validationContext: 'querystring' });
  expect(toProblem(error).extensions.errors).toEqual([
    { in: 'query', name: 'foo', message: 'is not a known parameter' },
    { in: 'query', name: 'tube', message: expect.stringContaining('must be 1 to 200 of') },
  ]);
});

test('a caller cannot make the list of errors long', () => {
  const validation = Array.from({ length: 1000 }, (_, index) => ({
    keyword: 'additionalProperties',
    instancePath: '',
    params: { additionalProperty: `p${index}` },
  }));
  const error = Object.assign(new Error('x'), { validation, validationContext: 'querystring' });
  expect(toProblem(error).extensions.errors).toHaveLength(20);
});

test('the detail says all that is wrong in one line', () => {
  const problem = invalid(
    { in: 'body', name: '', message: 'is missing' },
    { in: 'query', name: 'count', message: 'must be <= 100' },
  );
  expect(problem.message).toBe('the body is missing; count (query) must be <= 100');
});

test.each([
  ['\r\nquit', '"\\r\\nquit" (query) is unknown'],
  ['a name', '"a name" (query) is unknown'],
  ['tube[]', 'tube[] (query) is unknown'],
  ['x'.repeat(5_000), `"${'x'.repeat(100)}…" (query) is unknown`],
])('a name that its caller made up keeps to one line of the detail, and is cut: %.20j', (name, detail) => {
  const problem = invalid({ in: 'query', name, message: 'is unknown' });
  expect(problem.message).toBe(detail);
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  expect(problem.extensions.errors).toEqual([{ in: 'query', name: shown, message: 'is unknown' }]);
});
