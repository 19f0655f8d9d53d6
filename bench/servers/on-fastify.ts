import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import { json, operation, parameters } from '../../src/routes/operation.ts';
import { reserveJobs } from '../../src/routes/reserve-operations.ts';
import { COMPONENTS } from '../../src/routes/schemas/components.ts';
import type { ReservationView } from '../../src/routes/schemas/job.ts';
import { defaulted, ref } from '../../src/routes/schemas/reference.ts';
import { delay, isUint64, priority, token, ttr, tubeName } from '../../src/routes/schemas/scalars.ts';
import { PutAnswerSchema } from '../../src/routes/schemas/tube.ts';
import { port } from './arguments.ts';

/** What the routes below answer with. */
interface Work {
  readonly put: (body: unknown) => string | Promise<string>;
  readonly reserve: (tube: string) => ReservationView | Promise<ReservationView>;
  readonly settle: (reservation: string) => void | Promise<void>;
}

const LIMITS = {
  bodyMaxBytes: 0,
  bufferMaxBytes: 0,
  responseMaxBytes: 0,
  batchMax: 0,
  reserveTimeoutMax: 300,
  reserveGraceMs: 2_000,
  metricsTubesMax: 0,
  idempotencyTtl: 1,
  idempotencyMax: 1,
};
const ABOUT = { tag: 'produce', need: 'nothing', summary: '', description: '', problems: [] } as const;

const putJob = operation({
  ...ABOUT,
  operationId: 'putJob',
  params: parameters({ tube: tubeName('') }),
  querystring: parameters({
    priority: defaulted(priority({ default: 1024 })),
    delay: defaulted(delay('', { default: 0 })),
    ttr: defaulted(ttr({ default: 60 })),
  }),
  answers: { 201: { description: '', content: json(ref(PutAnswerSchema), {}) } },
});

const deleteReservedJob = operation({
  ...ABOUT,
  operationId: 'deleteReservedJob',
  params: parameters({ reservation: token('') }),
  answers: { 204: { description: '' } },
});

/** Serves three routes with the schemas of the gateway on a Fastify that does nothing else. */
export async function serveOnFastify(work: Work): Promise<void> {
  const app = Fastify({
    logger: false,
    ajv: { customOptions: { coerceTypes: true, formats: { uint64: isUint64 } } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  for (const component of COMPONENTS) app.addSchema(component);
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post('/v1/tubes/:tube/jobs', putJob, async (request, reply) => {
    const id = await work.put(request.body);
    reply.code(201).header('location', `/v1/jobs/${id}`);
    return { id, tube: request.params.tube, state: 'ready' };
  });
  app.post('/v1/tubes/:tube/reservations', reserveJobs(LIMITS), async (request) => ({
    reservations: [await work.reserve(request.params.tube)],
  }));
  app.delete('/v1/reservations/:reservation', deleteReservedJob, async (request, reply) => {
    await work.settle(request.params.reservation);
    return reply.code(204).send();
  });

  await app.listen({ host: '127.0.0.1', port });
  process.stdout.write('listening\n');
}
