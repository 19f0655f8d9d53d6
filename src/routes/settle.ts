import { Type } from 'typebox';
import { readNothing } from './bodies.ts';
import type { App, Context } from './context.ts';
import { FAILURES } from './failures.ts';
import { jobStatistics } from './job-answer.ts';
import { json, operation, parameters } from './operation.ts';
import { exampleJob, ReservationStatusSchema, TouchedSchema } from './schemas/job.ts';
import { defaulted, ref } from './schemas/reference.ts';
import { delay, priority, token } from './schemas/scalars.ts';

const params = parameters({
  reservation: token('The reservation, as the call that reserved the job has answered it.'),
});

const REPEATABLE =
  'The same call repeated is answered 204 again, so that a retry after a lost answer is safe.';
const NEW_PRIORITY = 'The priority that the job has from then on. Left out, it keeps its own.';
const OVER = 'On 404 or 410 the job is no longer yours: stop working on it.';

const PROBLEMS = ['invalid-request', 'reservation-not-found', 'reservation-ended', ...FAILURES] as const;

const EXPIRES_AT = '2026-01-31T12:01:00.000Z';

const getReservation = operation({
  operationId: 'getReservation',
  tag: 'consume',
  need: 'inspect',
  summary: 'Look at a reservation',
  description: `Tells whether you still hold the job, with its figures of this moment and without its body. ${OVER}`,
  params,
  answers: {
    200: {
      description: 'It is held.',
      content: json(ref(ReservationStatusSchema), {
        reservation: '0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51',
        job: { ...exampleJob, state: 'reserved', timeLeft: 41, file: 0 },
        expiresAt: EXPIRES_AT,
      }),
    },
  },
  problems: PROBLEMS,
});

const deleteReservedJob = operation({
  operationId: 'deleteReservedJob',
  tag: 'consume',
  need: 'consume',
  summary: 'Delete a reserved job: it is done',
  description: `The work is done: the job is deleted, and the reservation has ended. ${REPEATABLE} ${OVER}`,
  params,
  answers: { 204: { description: 'The job is deleted.' } },
  problems: PROBLEMS,
});

const releaseReservedJob = operation({
  operationId: 'releaseReservedJob',
  tag: 'consume',
  need: 'consume',
  summary: 'Give a reserved job back',
  description: `For a job that you cannot do now: it is ready again for any worker, at once or after a delay. ${REPEATABLE} ${OVER}`,
  params,
  querystring: parameters({
    priority: Type.Optional(priority({ description: NEW_PRIORITY, examples: [2048] })),
    delay: defaulted(
      delay('Seconds until the job is ready again; it is `delayed` until then.', { default: 0 }),
    ),
  }),
  answers: { 204: { description: 'The job is ready again, or will be after the delay.' } },
  problems: PROBLEMS,
});

const buryReservedJob = operation({
  operationId: 'buryReservedJob',
  tag: 'consume',
  need: 'consume',
  summary: 'Set a reserved job aside',
  description: `For a job that fails again and again: it is buried, and no worker gets it until somebody kicks it. ${REPEATABLE} ${OVER}`,
  params,
  querystring: parameters({
    priority: Type.Optional(priority({ description: NEW_PRIORITY, examples: [2048] })),
  }),
  answers: { 204: { description: 'The job is buried.' } },
  problems: PROBLEMS,
});

const touchReservedJob = operation({
  operationId: 'touchReservedJob',
  tag: 'consume',
  need: 'consume',
  summary: 'Ask for more time',
  description: `For work that takes longer: the time to run of the job begins anew, now. Touch well before \`expiresAt\`. ${OVER}`,
  params,
  answers: {
    200: {
      description: 'The time to run began anew.',
      content: json(ref(TouchedSchema), { expiresAt: EXPIRES_AT }),
    },
  },
  problems: PROBLEMS,
});

/** What is done with a reservation, one at a time. */
export async function settleRoutes(app: App, { pool }: Context): Promise<void> {
  const { reservations } = pool;
  readNothing(app);

  app.get('/v1/reservations/:reservation', getReservation, async (request) => {
    const { reservation } = request.params;
    const { job, expiresAt } = await reservations.get(reservation, request.owner);
    return { reservation, job: jobStatistics(job), expiresAt: new Date(expiresAt).toISOString() };
  });

  app.delete('/v1/reservations/:reservation', deleteReservedJob, async (request, reply) => {
    await reservations.delete(request.params.reservation, request.owner);
    return reply.code(204).send();
  });

  app.post('/v1/reservations/:reservation/release', releaseReservedJob, async (request, reply) => {
    await reservations.release(request.params.reservation, request.query, request.owner);
    return reply.code(204).send();
  });

  app.post('/v1/reservations/:reservation/bury', buryReservedJob, async (request, reply) => {
    await reservations.bury(request.params.reservation, request.query, request.owner);
    return reply.code(204).send();
  });

  app.post('/v1/reservations/:reservation/touch', touchReservedJob, async (request) => {
    const expiresAt = await reservations.touch(request.params.reservation, request.owner);
    return { expiresAt: new Date(expiresAt).toISOString() };
  });
}
