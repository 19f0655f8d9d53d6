import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { FoundJob } from '../pool/jobs.ts';
import { scopeOf } from './authorize.ts';
import { readNothing } from './bodies.ts';
import { Caller } from './caller.ts';
import type { App, Context } from './context.ts';
import { FAILURES } from './failures.ts';
import { BYTES_FORM, bodyForm, JSON_FORM } from './forms.ts';
import { bodyView, jobStatistics, serializeBodies } from './job-answer.ts';
import { type Answer, json, operation, parameters } from './operation.ts';
import { encodingParameter } from './reserve-operations.ts';
import { exampleJob, FoundJobSchema } from './schemas/job.ts';
import { ref } from './schemas/reference.ts';
import { jobId, oneOf, tubeName, UNHELD_STATES } from './schemas/scalars.ts';

const params = parameters({ id: jobId('The id of the job.') });

const number = (description: string, example: number) =>
  Type.Integer({ description, format: 'int64', examples: [example] });

const FOUND: Answer = {
  description: 'The job; its raw body alone for a caller that accepts `application/octet-stream`.',
  headers: {
    'Job-Id': Type.Optional(jobId('With the raw body: the id of the job.')),
    'Job-Tube': Type.Optional(tubeName('With the raw body: the tube of the job.')),
    'Job-State': Type.Optional(
      Type.String({ description: 'With the raw body: the state of the job.', examples: ['ready'] }),
    ),
    'Job-Priority': Type.Optional(number('With the raw body: the priority of the job.', 1024)),
    'Job-Ttr': Type.Optional(number('With the raw body: the time to run of the job, in seconds.', 60)),
    'Job-Time-Left': Type.Optional(
      number(
        'With the raw body: seconds until a delayed job is ready, or the time to run of a reserved one is over.',
        0,
      ),
    ),
    'Job-Reserves': Type.Optional(number('With the raw body: how often the job was reserved.', 1)),
    'Job-Releases': Type.Optional(number('With the raw body: how often a worker gave the job back.', 0)),
  },
  content: {
    ...json(ref(FoundJobSchema), {
      job: { ...exampleJob, state: 'ready', timeLeft: 0, file: 0 },
      body: 'Hello, worker!',
      encoding: 'utf-8',
    }),
    [BYTES_FORM]: {
      schema: Type.Unsafe<string>({ type: 'string', format: 'binary' }),
      example: 'Hello, worker!',
    },
  },
};

const getJob = operation({
  operationId: 'getJob',
  tag: 'tend',
  need: 'inspect',
  summary: 'Look at a job',
  description:
    'The job with its body, its state and its figures. Looking changes nothing: the job stays where it is, and a worker may take it meanwhile.',
  params,
  querystring: parameters({ encoding: encodingParameter() }),
  answers: { 200: FOUND },
  problems: ['invalid-request', 'job-not-found', 'not-acceptable', ...FAILURES],
});

const deleteJob = operation({
  operationId: 'deleteJob',
  tag: 'tend',
  need: 'admin',
  summary: 'Delete a job that nobody holds',
  description:
    'Deletes a ready, delayed or buried job for good. One that a worker holds is 409: it is deleted through its reservation. Do not use ids from before a restart of beanstalkd: where it keeps no binlog, its journal on disk, it counts from 1 again.',
  params,
  answers: { 204: { description: 'The job is deleted.' } },
  problems: ['invalid-request', 'job-not-found', 'job-state-conflict', ...FAILURES],
});

const kickJob = operation({
  operationId: 'kickJob',
  tag: 'tend',
  need: 'admin',
  summary: 'Make a buried or delayed job ready',
  description:
    'Kicks one job: it is ready at once, for any worker. One that is ready already, or that a worker holds, is 409.',
  params,
  answers: { 204: { description: 'The job is ready.' } },
  problems: ['invalid-request', 'job-not-found', 'job-state-conflict', ...FAILURES],
});

const peekJob = operation({
  operationId: 'peekJob',
  tag: 'tend',
  need: 'inspect',
  summary: 'Look at the next job of a tube',
  description:
    'The job that would be next in this state: the most urgent ready one, the delayed one that is ready first, or the one that was buried first. It stays where it is.',
  params: parameters({ tube: tubeName('The name of the tube.') }),
  querystring: parameters({
    state: oneOf(UNHELD_STATES, {
      description: 'Among which jobs to look: those in this state.',
      examples: ['buried'],
    }),
    encoding: encodingParameter(),
  }),
  answers: { 200: FOUND },
  problems: ['invalid-request', 'tube-not-found', 'job-not-found', 'not-acceptable', ...FAILURES],
});

/** Looking at jobs, and tending those that nobody holds. */
export async function jobRoutes(app: App, { pool }: Context): Promise<void> {
  readNothing(app);

  app.get('/v1/jobs/:id', getJob, (request, reply) =>
    show(request, reply, () => pool.jobs.get(request.params.id, scopeOf(request)), request.query.encoding),
  );

  app.get('/v1/tubes/:tube/peek', peekJob, (request, reply) =>
    show(
      request,
      reply,
      () => pool.tubes.peek(request.params.tube, request.query.state),
      request.query.encoding,
    ),
  );

  app.delete('/v1/jobs/:id', deleteJob, async (request, reply) => {
    await pool.jobs.delete(request.params.id, scopeOf(request));
    return reply.code(204).send();
  });

  app.post('/v1/jobs/:id/kick', kickJob, async (request, reply) => {
    await pool.jobs.kick(request.params.id, scopeOf(request));
    return reply.code(204).send();
  });

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    find: () => Promise<FoundJob>,
    encoding: 'utf-8' | 'base64',
  ): Promise<FastifyReply> {
    const form = bodyForm(request);
    const { stats, body } = await find();
    const caller = new Caller(request, reply);
    let payload: string | Buffer = body;
    try {
      if (form === JSON_FORM) {
        const view = () => ({ job: jobStatistics(stats), ...bodyView(body, encoding) });
        payload = serializeBodies(reply, '200', view);
      }
    } catch (error) {
      caller.forget();
      pool.bodies.give(body.length);
      throw error;
    }
    caller.answering(() => pool.bodies.give(body.length));
    if (form === JSON_FORM) return reply.type(`${JSON_FORM}; charset=utf-8`).send(payload);
    return reply
      .headers({
        'content-type': BYTES_FORM,
        'job-id': stats.id,
        'job-tube': stats.tube,
        'job-state': stats.state,
        'job-priority': stats.pri,
        'job-ttr': stats.ttr,
        'job-time-left': stats.timeLeft,
        'job-reserves': stats.reserves,
        'job-releases': stats.releases,
      })
      .send(payload);
  }
}
