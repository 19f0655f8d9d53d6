import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Put } from '../pool/jobs.ts';
import { checkLength, listIn, parseJson, readTyped } from './bodies.ts';
import { releaseBody } from './body.ts';
import type { App, Context } from './context.ts';
import { JSON_FORM } from './forms.ts';
import { fingerprint, idempotencyHeader, idempotencyKey } from './idempotency.ts';
import { describe } from './invalid-parts.ts';
import { type Line, parseLines } from './ndjson.ts';
import { json, operation, parameters } from './operation.ts';
import { invalid, Problem } from './problem.ts';
import { jobTooBig, maxJobSize, putProblem } from './produce.ts';
import {
  type NewJobItem,
  NewJobSchema,
  NewJobsSchema,
  type PutResult,
  PutResultsSchema,
} from './schemas/batch.ts';
import { ref } from './schemas/reference.ts';
import { DEFAULT_DELAY, DEFAULT_PRIORITY, DEFAULT_TTR, tubeName } from './schemas/scalars.ts';

/** One object, by which the compiled validator is remembered. */
const NEW_JOB = ref(NewJobSchema);
/** Matches only halves without their other half, since the flag `u` reads pairs as one. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const NDJSON_FORM = 'application/x-ndjson';
/** Room for the members of an item besides its body. */
const ITEM_OVERHEAD_BYTES = 512;
/** Of an item: the validator makes an error of each that is unknown, which takes many times its size. */
const MEMBERS_MAX = 100;

const exampleJobs = [{ body: 'Hello!' }, { body: '3q2+7w==', encoding: 'base64', priority: 10, delay: 5 }];

const putJobs = (batchMax: number, maxBytes: number) =>
  operation({
    operationId: 'putJobs',
    tag: 'produce',
    need: 'produce',
    summary: 'Put several jobs',
    description: [
      `Puts up to ${batchMax} jobs into a tube. Each succeeds or fails alone, and the results come in the order of`,
      'the jobs. When none could be tried, beanstalkd being out of reach for instance, the answer is that problem',
      `itself. The request may have at most ${maxBytes} bytes, or as many as the memory for bodies allows.`,
    ].join(' '),
    params: parameters({ tube: tubeName('The name of the tube.') }),
    headers: idempotencyHeader,
    body: {
      description: 'The jobs: an object with a list of them, or NDJSON, one object a line.',
      required: true,
      content: {
        [JSON_FORM]: { schema: ref(NewJobsSchema), example: { jobs: exampleJobs } },
        [NDJSON_FORM]: {
          schema: Type.String({
            description: 'One job a line, each a `NewJob` as JSON. Empty lines count for nothing.',
          }),
          example: exampleJobs.map((job) => JSON.stringify(job)).join('\n'),
        },
      },
    },
    answers: {
      200: {
        description: 'What became of each job.',
        content: json(ref(PutResultsSchema), {
          results: [
            { status: 201, id: '42', state: 'ready' },
            {
              status: 413,
              type: '/problems/job-too-big',
              title: 'The job is too big',
              detail: "a job's body may have at most 65535 bytes",
              outcome: 'none',
              maxJobSize: 65535,
            },
          ],
        }),
      },
    },
    problems: [
      'invalid-request',
      'request-timeout',
      'request-too-big',
      'unsupported-media-type',
      'idempotency-key-reused',
      'beanstalkd-unreachable',
      'beanstalkd-draining',
      'overloaded',
      'shutting-down',
    ],
  });

/** One job of a batch that may be sent, or why it may not. */
type Item = { readonly job: NewJobItem; readonly body: Buffer } | Problem;

/** What became of one. */
type Outcome = Put | Problem;

/** Putting several jobs with one call. */
export async function produceBatchRoutes(app: App, context: Context): Promise<void> {
  const { pool, limits, firstBatches } = context;
  const maxBytes = Math.min(
    limits.bufferMaxBytes,
    Math.ceil((limits.bodyMaxBytes * 4) / 3) + limits.batchMax * ITEM_OVERHEAD_BYTES,
  );
  readTyped(app, [JSON_FORM, NDJSON_FORM], {
    budget: pool.bodies,
    limit: () => maxBytes,
    tooBig: (max) =>
      new Problem('request-too-big', `the request may have at most ${max} bytes`, {
        extensions: { maxBytes: max },
      }),
  });

  app.post('/v1/tubes/:tube/jobs/batch', putJobs(limits.batchMax, maxBytes), async (request) => {
    try {
      const lines = linesOf(request.mediaType, request.body, limits.batchMax);
      const validate = request.compileValidationSchema(NEW_JOB);
      const max = maxJobSize(context);
      const items = lines.map((line): Item => {
        if ('malformed' in line) return invalid({ in: 'body', name: '', message: line.malformed });
        if (hasTooManyMembers(line.value))
          return invalid({ in: 'body', name: '', message: `has more than ${MEMBERS_MAX} members` });
        if (!isNewJob(validate, line.value)) return invalid(...describe('body', validate.errors ?? []));
        return decode(line.value, max);
      });
      const { tube } = request.params;
      const key = idempotencyKey(request, tube);
      const results =
        key === undefined
          ? await putAll(tube, items)
          : await firstBatches.once(key, fingerprintOf(request), () => putAll(tube, items));
      return { results };
    } finally {
      releaseBody(request, pool.bodies);
    }
  });

  async function putAll(tube: string, items: readonly Item[]): Promise<readonly PutResult[]> {
    const outcomes = await Promise.all(
      items.map(async (item) => {
        if (item instanceof Problem) return item;
        const { priority = DEFAULT_PRIORITY, delay = DEFAULT_DELAY, ttr = DEFAULT_TTR } = item.job;
        try {
          return await pool.jobs.put(tube, { body: item.body, priority, delay, ttr });
        } catch (error) {
          return putProblem(error, context);
        }
      }),
    );
    return resultsOf(outcomes);
  }
}

/** Throws the problem itself when it kept all jobs that could be tried from being so. */
function resultsOf(outcomes: readonly Outcome[]): PutResult[] {
  const tried = outcomes.filter((outcome) => !(outcome instanceof Problem) || outcome.status >= 500);
  const [first] = tried;
  if (first instanceof Problem && first.status === 503) {
    if (tried.every((outcome) => outcome instanceof Problem && outcome.kind === first.kind)) throw first;
  }
  return outcomes.map((outcome) =>
    outcome instanceof Problem ? outcome.result() : { status: 201, id: outcome.id, state: outcome.state },
  );
}

/** As how much they are remembered: not at all where nothing was done, else each, and all that was wrong with it. */
export const countResults = (results: readonly PutResult[]): number =>
  results.every(({ outcome }) => outcome === 'none')
    ? 0
    : results.reduce((sum, { errors = [] }) => sum + 1 + errors.length, 0);

const fingerprintOf = ({ mediaType = '', body }: FastifyRequest): string =>
  fingerprint(mediaType, Buffer.isBuffer(body) ? body : Buffer.alloc(0));

const hasTooManyMembers = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length > MEMBERS_MAX;

type Validate = ((value: unknown) => unknown) & { errors?: Parameters<typeof describe>[1] | null };

const isNewJob = (validate: Validate, value: unknown): value is NewJobItem => validate(value) === true;

function linesOf(mediaType: string | undefined, body: unknown, max: number): Line[] {
  const bytes = Buffer.isBuffer(body) ? body : undefined;
  if (mediaType === NDJSON_FORM && bytes !== undefined)
    return checkLength(parseLines(bytes, max + 1), 'jobs', max);
  return listIn(parseJson(bytes), 'jobs', max).map((value) => ({ value }));
}

function decode(job: NewJobItem, max: number): Item {
  const wrong = (message: string) => invalid({ in: 'body', name: 'body', message });
  if (job.encoding === 'base64') {
    const body = Buffer.from(job.body, 'base64');
    // Node skips what is no base64; only what it would write itself is taken.
    if (body.toString('base64') !== job.body)
      return wrong('is not base64 with padding (RFC 4648, section 4)');
    return body.length > max ? jobTooBig(max) : { job, body };
  }
  // Half a surrogate pair has no bytes in UTF-8.
  if (LONE_SURROGATE.test(job.body)) return wrong('has a lone surrogate');
  const body = Buffer.from(job.body);
  return body.length > max ? jobTooBig(max) : { job, body };
}
