import { Type } from 'typebox';
import { BeanstalkdError } from '../pool/errors.ts';
import { readBytes } from './bodies.ts';
import { releaseBody } from './body.ts';
import type { App, Context } from './context.ts';
import { FAILURES } from './failures.ts';
import { BYTES_FORM } from './forms.ts';
import { fingerprint, idempotencyHeader, idempotencyKey } from './idempotency.ts';
import { json, operation, parameters } from './operation.ts';
import { Problem, toProblem } from './problem.ts';
import { defaulted, ref } from './schemas/reference.ts';
import {
  DEFAULT_DELAY,
  DEFAULT_PRIORITY,
  DEFAULT_TTR,
  delay,
  priority,
  ttr,
  tubeName,
} from './schemas/scalars.ts';
import { PutAnswerSchema } from './schemas/tube.ts';

const NO_BYTES = Buffer.alloc(0);

const putJob = operation({
  operationId: 'putJob',
  tag: 'produce',
  need: 'produce',
  summary: 'Put a job',
  description: [
    'Puts one job into a tube, which exists from its first job on. The body of the request is the body of the job,',
    'byte for byte, whatever its Content-Type; it may be empty. 201 means that beanstalkd has the job. Any other answer',
    'says in `outcome` whether it may have it nevertheless.',
  ].join(' '),
  params: parameters({ tube: tubeName('The name of the tube.') }),
  querystring: parameters({
    priority: defaulted(priority({ default: DEFAULT_PRIORITY })),
    delay: defaulted(
      delay('Seconds until a worker may have the job; it is `delayed` until then.', {
        default: DEFAULT_DELAY,
      }),
    ),
    ttr: defaulted(ttr({ default: DEFAULT_TTR })),
  }),
  headers: idempotencyHeader,
  body: {
    description: 'The body of the job: any bytes, of any media type.',
    // It may be empty; but whoever leaves it out in a generated client has forgotten it.
    required: true,
    content: {
      [BYTES_FORM]: {
        schema: Type.Unsafe<string>({ type: 'string', format: 'binary' }),
        example: 'Hello, worker!',
      },
    },
  },
  answers: {
    201: {
      description: 'beanstalkd has the job.',
      headers: { Location: Type.String({ description: 'The path of the job.', examples: ['/v1/jobs/42'] }) },
      content: json(ref(PutAnswerSchema), { id: '42', tube: 'mail', state: 'ready' }),
    },
  },
  problems: [
    'invalid-request',
    'request-timeout',
    'job-too-big',
    'unsupported-media-type',
    'idempotency-key-reused',
    'beanstalkd-draining',
    ...FAILURES,
  ],
});

/** The largest body taken, in bytes: ours, or beanstalkd's own where that is smaller. */
export const maxJobSize = ({ pool, limits }: Context): number =>
  Math.min(limits.bodyMaxBytes, pool.server.maxJobSize ?? limits.bodyMaxBytes);

export const jobTooBig = (max: number) =>
  new Problem('job-too-big', `a job's body may have at most ${max} bytes`, {
    extensions: { maxJobSize: max },
  });

/** What a failed put is answered with; beanstalkd's own JOB_TOO_BIG does not say how much it takes. */
export const putProblem = (error: unknown, context: Context): Problem =>
  error instanceof BeanstalkdError && error.code === 'JOB_TOO_BIG'
    ? jobTooBig(maxJobSize(context))
    : toProblem(error);

/** Putting one job. */
export async function produceRoutes(app: App, context: Context): Promise<void> {
  const { pool, firstPuts } = context;
  readBytes(app, { budget: pool.bodies, limit: () => maxJobSize(context), tooBig: jobTooBig });

  app.post('/v1/tubes/:tube/jobs', putJob, async (request, reply) => {
    const { tube } = request.params;
    const { priority, delay, ttr } = request.query;
    const body = Buffer.isBuffer(request.body) ? request.body : NO_BYTES;
    const job = { body, priority, delay, ttr };
    try {
      const key = idempotencyKey(request, tube);
      const { id, state } =
        key === undefined
          ? await pool.jobs.put(tube, job)
          : await firstPuts.once(key, fingerprint(`${priority} ${delay} ${ttr}`, body), () =>
              pool.jobs.put(tube, job),
            );
      reply.code(201).header('location', `/v1/jobs/${id}`);
      return { id, tube, state };
    } catch (error) {
      throw putProblem(error, context);
    } finally {
      releaseBody(request, pool.bodies);
    }
  });
}
