import { PROBLEMS, type ProblemName } from './problem-table.ts';

/** On an operation of the unfinished document: which problems it may answer. */
export const ANNOUNCED = 'x-problems';

export interface WithProblems {
  [ANNOUNCED]?: readonly ProblemName[];
  readonly responses: Record<string, object>;
}

/**
 * Writes responses with problems in place of what operations announce. Examples, and responses that are about one problem
 * alone, are shared among them: inline, they would be more than half of the document.
 */
export class ProblemResponses {
  readonly #examples = new Map<string, object>();
  readonly #responses = new Map<string, object>();

  /** @param changing whether the operation changes something: then a problem has an `outcome`. */
  describe(operation: WithProblems, changing: boolean): void {
    const announced = operation[ANNOUNCED] ?? [];
    delete operation[ANNOUNCED];
    for (const status of new Set(announced.map((name) => PROBLEMS[name].status))) {
      const kinds = announced.filter((name) => PROBLEMS[name].status === status);
      operation.responses[status] = this.#response(kinds, status, changing);
    }
  }

  /** What was shared, for the components of the document. */
  get components() {
    return { examples: sorted(this.#examples), responses: sorted(this.#responses) };
  }

  #response(kinds: readonly ProblemName[], status: number, changing: boolean): object {
    const response = {
      description: `${kinds.map((kind) => PROBLEMS[kind].title).join(', or: ')}.`,
      ...headersOf(status),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(kinds.map((kind) => [kind, this.#example(kind, changing)])),
        },
      },
    };
    const [kind, ...others] = kinds;
    if (kind === undefined || others.length > 0) return response;
    const name = `${pascalCase(kind)}${changing ? '' : 'OfALook'}`;
    this.#responses.set(name, response);
    return { $ref: `#/components/responses/${name}` };
  }

  #example(kind: ProblemName, changing: boolean): object {
    const name = changing ? kind : `${kind}-of-a-look`;
    this.#examples.set(name, { summary: PROBLEMS[kind].title, value: problemLike(kind, changing) });
    return { $ref: `#/components/examples/${name}` };
  }
}

const sorted = (named: ReadonlyMap<string, object>) =>
  Object.fromEntries([...named].sort(([one], [other]) => (one < other ? -1 : 1)));

const pascalCase = (name: string) =>
  name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** What an answer with a problem has besides the headers of every answer. */
function headersOf(status: number): { readonly headers?: object } {
  const wholeNumber = (description: string, example: number, required = false) => ({
    description,
    required,
    schema: { type: 'integer', format: 'int32', examples: [example] },
  });
  const retryAfter = { 'Retry-After': wholeNumber('Seconds until a retry.', 2, true) };
  switch (status) {
    case 401:
      return {
        headers: {
          'WWW-Authenticate': {
            description: 'How to authenticate (RFC 6750).',
            required: true,
            schema: { type: 'string', examples: ['Bearer realm="beanstalkd-gateway"'] },
          },
        },
      };
    case 429:
      return {
        headers: {
          ...retryAfter,
          'RateLimit-Limit': wholeNumber('Where a rate is used up: calls a second.', 500),
          'RateLimit-Remaining': wholeNumber('Where a rate is used up: how many calls are left.', 0),
          'RateLimit-Reset': wholeNumber('Where a rate is used up: seconds until all of them are again.', 1),
        },
      };
    case 503:
      return { headers: retryAfter };
    default:
      return {};
  }
}

const UNKNOWN_STATUSES: readonly number[] = [500, 502, 504];

function problemLike(kind: ProblemName, changing: boolean): object {
  const { status, title } = PROBLEMS[kind];
  const { detail, ...extensions } = EXAMPLES[kind];
  return {
    type: `/problems/${kind}`,
    title,
    status,
    detail,
    requestId: '51qXS7FVqagm-874',
    ...(changing ? { outcome: UNKNOWN_STATUSES.includes(status) ? 'unknown' : 'none' } : {}),
    ...extensions,
  };
}

/** What real ones say: the members that differ from one to the next. */
const EXAMPLES: Readonly<
  Record<ProblemName, { readonly detail: string; readonly [member: string]: unknown }>
> = {
  'invalid-request': {
    detail: 'timout (query) is not a known parameter',
    errors: [{ in: 'query', name: 'timout', message: 'is not a known parameter' }],
  },
  unauthorized: { detail: 'a key is needed: Authorization: Bearer …' },
  forbidden: { detail: 'the key billing-worker does not cover the tube "mail"' },
  'job-not-found': { detail: 'there is no job 42' },
  'tube-not-found': { detail: 'there is no tube mail' },
  'reservation-not-found': { detail: 'there is no such reservation, or none that is remembered' },
  'route-not-found': { detail: 'there is no problem of this name' },
  'method-not-allowed': { detail: 'POST: no other method is allowed here' },
  'not-acceptable': { detail: 'this answer is application/json or application/octet-stream' },
  'request-timeout': { detail: 'the request did not arrive in time' },
  'job-state-conflict': { detail: 'job 42 is reserved', state: 'reserved' },
  'reservation-ended': { detail: 'the reservation has ended: expired', reason: 'expired' },
  'job-too-big': { detail: "a job's body may have at most 65535 bytes", maxJobSize: 65_535 },
  'request-too-big': { detail: 'the request may have at most 1048576 bytes', maxBytes: 1_048_576 },
  'unsupported-media-type': { detail: 'this operation reads application/json, uncompressed' },
  'idempotency-key-reused': { detail: 'this Idempotency-Key came with another request before' },
  'too-many-requests': { detail: 'more than 500 calls a second' },
  'headers-too-large': { detail: 'there are more than 1000 headers' },
  'internal-error': { detail: 'the gateway failed; its log has the request with this id' },
  'beanstalkd-protocol-error': { detail: "beanstalkd's answer is not valid for this command" },
  'beanstalkd-internal-error': { detail: 'beanstalkd answered INTERNAL_ERROR' },
  'beanstalkd-connection-lost': { detail: 'the connection broke before beanstalkd had answered' },
  'beanstalkd-unreachable': { detail: 'there is no connection to beanstalkd' },
  'beanstalkd-draining': { detail: 'beanstalkd is in drain mode and takes no jobs' },
  'too-many-waiters': { detail: '20000 callers are waiting already' },
  overloaded: { detail: 'the memory for bodies is used up' },
  'shutting-down': { detail: 'the gateway is stopping' },
  'beanstalkd-timeout': { detail: 'the deadline passed before beanstalkd had answered' },
  'beanstalkd-out-of-memory': { detail: 'beanstalkd answered OUT_OF_MEMORY' },
};
