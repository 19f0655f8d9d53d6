import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { Need } from './authorize.ts';
import { TAGS } from './operation.ts';
import { PROBLEMS, type ProblemName } from './problem-table.ts';

const TAG_DESCRIPTIONS: Record<(typeof TAGS)[number], string> = {
  produce: 'Putting jobs.',
  consume: 'Reserving jobs, and settling what was reserved.',
  tend: 'Looking at jobs and tubes, and tending them.',
  operate: 'What operators and programs around the gateway need.',
};

const DESCRIPTION = [
  [
    'beanstalkd is a small, fast work queue. Producers put jobs into tubes; workers reserve them, one worker a job, do the',
    'work and delete them. A job that is not deleted in time is ready again for another worker. This gateway offers all of',
    'that over HTTP.',
  ],
  ['- Ids are strings: opaque, and larger than what a floating point number holds.'],
  ['- Durations are whole seconds, `deadlineMs` excepted; timestamps are RFC 3339, UTC.'],
  [
    '- The body of a job is bytes. In JSON it is text where its bytes are UTF-8, else base64; `encoding` says which.',
  ],
  [
    '- Where the operator has made keys, each call carries one: `Authorization: Bearer …`. A key has rights (`produce`,',
    '`consume`, `inspect`, `admin`) on tubes. What lies outside of them does not exist for it: a job or a reservation there is 404.',
  ],
  ['- Tubes are percent-encoded in paths: `a/b` is `a%2Fb`.'],
  ['- Unknown query parameters and members are refused, so that a typo is not silently ignored.'],
  [
    '- Every error is `application/problem+json` (RFC 9457). `outcome` says whether a call that failed may have been carried',
    'out: `none` or `unknown`. 503 always means `none`, and its Retry-After says when to try again.',
  ],
  [
    '- Every answer has an `X-Request-Id`: the one that was sent, where it is 1 to 128 of A-Z a-z 0-9 . _ ~ -, or a new one.',
  ],
]
  .map((lines) => lines.join(' '))
  .join('\n\n');

/** Everything of the OpenAPI document that no schema of a route says. */
export const openapiOptions = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'beanstalkd-gateway',
      summary: 'The HTTP/REST gateway to beanstalkd.',
      description: DESCRIPTION,
      version,
      license: { name: 'MIT', identifier: 'MIT' },
    } as { title: string; version: string },
    servers: [{ url: '/', description: 'The gateway that serves this document.' }],
    security: [{ key: [] }],
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key that the operator gave you. A gateway without keys ignores it.',
        },
      },
    },
    tags: TAGS.map((name) => ({ name, description: TAG_DESCRIPTIONS[name] })),
  },
  convertConstToEnum: false,
  refResolver: {
    buildLocalReference: ({ $id }, _base, _fragment, index) =>
      typeof $id === 'string' ? $id : `def-${index}`,
  },
  transform: ({ schema, url, route }) => {
    const { config } = route;
    if (config?.problems === undefined || schema === undefined)
      return { schema: { ...schema, hide: true }, url };
    const changing = route.method !== 'GET' && url.startsWith('/v1/');
    return {
      url,
      schema: {
        ...schema,
        ...(config.requestBody === undefined ? {} : { body: config.requestBody }),
        response: {
          ...responsesOf(schema.response),
          ...problemResponses([...config.problems, ...alwaysOf(config.need)], changing),
        },
      },
    };
  },
});

const responsesOf = (response: unknown): object =>
  typeof response === 'object' && response !== null ? response : {};

const RETRY_AFTER = {
  'Retry-After': { type: 'integer', format: 'int32', description: 'Seconds until a retry.' },
};

const rateHeader = (description: string) => ({ type: 'integer', format: 'int32', description });

/** By status: what an answer with a problem has besides the headers of every answer. */
const PROBLEM_HEADERS: Readonly<Record<number, object>> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'How to authenticate (RFC 6750).' } },
  429: {
    ...RETRY_AFTER,
    'RateLimit-Limit': rateHeader('Where a rate is used up: calls a second.'),
    'RateLimit-Remaining': rateHeader('Likewise: how many are left.'),
    'RateLimit-Reset': rateHeader('Likewise: seconds until all of them are again.'),
  },
  503: RETRY_AFTER,
};

const UNKNOWN_STATUSES: readonly number[] = [500, 502, 504];

/** What an operation may answer, whatever else it does. */
const alwaysOf = (need: Need | undefined): readonly ProblemName[] =>
  need === 'nothing'
    ? ['headers-too-large', 'internal-error']
    : ['unauthorized', 'forbidden', 'too-many-requests', 'headers-too-large', 'internal-error'];

/** One response for each status, with an example for each problem that comes with it. */
function problemResponses(names: readonly ProblemName[], changing: boolean): Record<string, object> {
  const responses: Record<string, { description: string; headers?: object; content: object }> = {};
  for (const status of new Set(names.map((name) => PROBLEMS[name].status))) {
    const kinds = names.filter((name) => PROBLEMS[name].status === status);
    responses[status] = {
      description: `${kinds.map((kind) => PROBLEMS[kind].title).join(', or: ')}.`,
      ...(PROBLEM_HEADERS[status] === undefined ? {} : { headers: PROBLEM_HEADERS[status] }),
      content: {
        'application/problem+json': {
          schema: { $ref: 'Problem#' },
          examples: Object.fromEntries(kinds.map((kind) => [kind, { value: exampleOf(kind, changing) }])),
        },
      },
    };
  }
  return responses;
}

function exampleOf(kind: ProblemName, changing: boolean): object {
  const { status, title, meaning } = PROBLEMS[kind];
  return {
    type: `/problems/${kind}`,
    title,
    status,
    detail: meaning,
    requestId: '51qXS7FVqagm-874',
    ...(changing ? { outcome: UNKNOWN_STATUSES.includes(status) ? 'unknown' : 'none' } : {}),
    ...EXAMPLE_EXTENSIONS[kind],
  };
}

const EXAMPLE_EXTENSIONS: Partial<Record<ProblemName, object>> = {
  'invalid-request': { errors: [{ in: 'query', name: 'count', message: 'must be <= 100' }] },
  'job-state-conflict': { state: 'reserved' },
  'reservation-ended': { reason: 'expired' },
  'job-too-big': { maxJobSize: 65535 },
  'request-too-big': { maxBytes: 1048576 },
};
