import type { IncomingHttpHeaders } from 'node:http';
import { expect } from 'vitest';
import { DocumentedAnswers } from '../../src/routes/documented-answers.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  json(): unknown;
}

/** A member deep in something parsed, or undefined. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, name) => (typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined),
    value,
  );
}

/** What the status of each problem is, by API.md and the problems' pages. */
export const STATUS_OF: Readonly<Record<string, number>> = {
  'invalid-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'job-not-found': 404,
  'tube-not-found': 404,
  'reservation-not-found': 404,
  'route-not-found': 404,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  'request-timeout': 408,
  'job-state-conflict': 409,
  'reservation-ended': 410,
  'job-too-big': 413,
  'request-too-big': 413,
  'unsupported-media-type': 415,
  'idempotency-key-reused': 422,
  'too-many-requests': 429,
  'headers-too-large': 431,
  'internal-error': 500,
  'beanstalkd-protocol-error': 502,
  'beanstalkd-internal-error': 502,
  'beanstalkd-connection-lost': 502,
  'beanstalkd-unreachable': 503,
  'beanstalkd-draining': 503,
  'too-many-waiters': 503,
  overloaded: 503,
  'shutting-down': 503,
  'beanstalkd-timeout': 504,
  'beanstalkd-out-of-memory': 507,
};

/** A stack, a file of ours or of a package, an address, a Node error. */
const INNARDS = /\n\s+at |node_modules|\.[tj]s\b|\/work\/|\/src\/|file:|127\.0\.0\.1|E[A-Z]{4,}:|Error:/;

/** What every problem has, whatever it is about. */
export function expectProblem(answer: Answer, changing: boolean): void {
  const { headers, status } = answer;
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = answer.json();
  const type = /^\/problems\/([a-z-]+)$/.exec(String(at(problem, 'type')))?.[1] ?? '';
  expect(STATUS_OF[type], type).toBe(status);
  expect(problem).toMatchObject({
    status,
    title: expect.stringMatching(/^\S.+$/),
    detail: expect.stringMatching(/^\S.+$/),
    requestId: headers['x-request-id'],
  });
  const outcome = at(problem, 'outcome');
  if (changing) expect(['none', 'unknown']).toContain(outcome);
  else expect(outcome).toBeUndefined();
  if (status === 503) {
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    if (changing) expect(outcome).toBe('none');
  }
  if (status === 405) expect(headers.allow).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
  if (type === 'invalid-request') expect(at(problem, 'errors', 0, 'message')).toEqual(expect.any(String));
  expect(answer.text).not.toMatch(INNARDS);
}

/** The OpenAPI document, which says what there is to call and how it may be answered. */
export class Contract {
  readonly #document: unknown;
  readonly #answers: DocumentedAnswers;

  constructor(document: unknown) {
    this.#document = document;
    this.#answers = new DocumentedAnswers(document);
  }

  get paths(): readonly string[] {
    return Object.keys(Object(at(this.#document, 'paths')));
  }

  methodsOf(path: string): readonly string[] {
    return Object.keys(Object(at(this.#document, 'paths', path))).map((method) => method.toUpperCase());
  }

  /** Fails unless the operation, where this is one, documents this very answer. */
  expectDocumented(method: string, target: string, answer: Answer): void {
    const path = this.#pathOf(target);
    if (path === undefined) return;
    expect(this.#answers.faultsOf({ ...answer, method, path }), answer.text.slice(0, 500)).toEqual([]);
  }

  #pathOf(target: string): string | undefined {
    const asked = (target.split('?')[0] ?? '').split('/');
    const fits = (path: string) => {
      const parts = path.split('/');
      return (
        parts.length === asked.length && parts.every((part, n) => part.startsWith('{') || part === asked[n])
      );
    };
    // The one without parameters first: `/v1/reservations/batch`.
    return this.paths.find((path) => path === asked.join('/')) ?? this.paths.find(fits);
  }
}
