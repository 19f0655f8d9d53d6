import type { IncomingHttpHeaders } from 'node:http';
import { Compile } from 'typebox/schema';
import { expect } from 'vitest';

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

interface Media {
  readonly validate: ((value: unknown) => readonly string[]) | undefined;
}

/** The OpenAPI document as a judge of answers. */
export class Contract {
  readonly #document: unknown;
  readonly #media = new Map<string, Media>();

  constructor(document: unknown) {
    this.#document = document;
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
    const documented = method === 'HEAD' ? 'GET' : method;
    const operation = at(this.#document, 'paths', path ?? '', documented.toLowerCase());
    if (path === undefined || operation === undefined) return;
    const where = `${method} ${path} ${answer.status}`;
    const response = this.#follow(at(operation, 'responses', String(answer.status)));
    expect(response, `${where} is documented: ${answer.text.slice(0, 200)}`).toBeDefined();
    if (method === 'HEAD') return;
    const content = at(response, 'content');
    if (content === undefined) {
      expect(answer.body, where).toHaveLength(0);
      return;
    }
    const type = String(answer.headers['content-type']).split(';')[0] ?? '';
    expect(Object.keys(Object(content)), where).toContain(type);
    if (!/json$/.test(type)) return;
    const problems = this.#mediaOf(where, at(content, type, 'schema')).validate?.(answer.json());
    expect(problems, `${where}: ${answer.text.slice(0, 500)}`).toEqual([]);
  }

  /** What a reference within the document stands for. */
  #follow(value: unknown): unknown {
    const reference = at(value, '$ref');
    return typeof reference === 'string' ? at(this.#document, ...reference.split('/').slice(1)) : value;
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

  #mediaOf(where: string, schema: unknown): Media {
    const known = this.#media.get(where);
    if (known !== undefined) return known;
    const components = at(this.#document, 'components');
    const validator = Compile({ ...Object(strict(schema)), components: Object(strict(components)) });
    const media = {
      validate: (value: unknown) =>
        validator.Errors(value)[1].map(({ instancePath, message }) => `${instancePath} ${message}`),
    };
    this.#media.set(where, media);
    return media;
  }
}

/** The schema with no room for members that it does not know. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => [name, strict(value)] as const);
  const closed = 'properties' in schema && at(schema, 'type') === 'object';
  return Object.fromEntries(closed ? [['additionalProperties', false], ...entries] : entries);
}
