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
  const wholeNumber = (description: string, required: boolean) => ({
    description,
    required,
    schema: { type: 'integer', format: 'int32' },
  });
  const retryAfter = { 'Retry-After': wholeNumber('Seconds until a retry.', true) };
  switch (status) {
    case 401: {
      const authenticate = { description: 'How to authenticate (RFC 6750).', required: true };
      return { headers: { 'WWW-Authenticate': { ...authenticate, schema: { type: 'string' } } } };
    }
    case 429:
      return {
        headers: {
          ...retryAfter,
          'RateLimit-Limit': wholeNumber('Where a rate is used up: calls a second.', false),
          'RateLimit-Remaining': wholeNumber('Likewise: how many are left.', false),
          'RateLimit-Reset': wholeNumber('Likewise: seconds until all of them are again.', false),
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
  const { status, title, meaning } = PROBLEMS[kind];
  return {
    type: `/problems/${kind}`,
    title,
    status,
    detail: meaning,
    requestId: '51qXS7FVqagm-874',
    ...(changing ? { outcome: UNKNOWN_STATUSES.includes(status) ? 'unknown' : 'none' } : {}),
    ...EXTENSIONS[kind],
  };
}

const EXTENSIONS: Partial<Record<ProblemName, object>> = {
  'invalid-request': { errors: [{ in: 'query', name: 'count', message: 'must be <= 100' }] },
  'job-state-conflict': { state: 'reserved' },
  'reservation-ended': { reason: 'expired' },
  'job-too-big': { maxJobSize: 65535 },
  'request-too-big': { maxBytes: 1048576 },
};
