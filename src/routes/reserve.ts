import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Reservation } from '../pool/reservation.ts';
import { scopeOf } from './authorize.ts';
import { readNothing } from './bodies.ts';
import { Caller } from './caller.ts';
import type { App, Context } from './context.ts';
import { type BodyForm, BYTES_FORM, bodyForm, JSON_FORM } from './forms.ts';
import { bodyView, jobView, serializeBodies } from './job-answer.ts';
import { invalid } from './problem.ts';
import { reserveJobById, reserveJobs, reserveJobsFromTubes } from './reserve-operations.ts';
import type { ReservationView } from './schemas/job.ts';
import type { Encoding } from './schemas/scalars.ts';

/** Kept from the caller's deadline for the way back, so that beanstalkd's own answer comes before it. */
const RETURN_MS = 250;

interface Asked {
  readonly timeout: number;
  readonly deadlineMs?: number;
  readonly count: number;
  readonly encoding: Encoding;
}

/** Every way to a reservation. */
export async function reserveRoutes(app: App, context: Context): Promise<void> {
  const { pool, limits } = context;
  readNothing(app);

  app.post('/v1/tubes/:tube/reservations', reserveJobs(limits), (request, reply) =>
    reserve(request, reply, [request.params.tube], request.query),
  );

  app.post('/v1/reservations', reserveJobsFromTubes(limits), (request, reply) =>
    reserve(request, reply, [...new Set(request.query.tube)], request.query),
  );

  app.post('/v1/jobs/:id/reservation', reserveJobById(), async (request, reply) => {
    const form = bodyForm(request);
    const caller = new Caller(request, reply);
    try {
      const { id } = request.params;
      await pool.jobs.requireWithin(scopeOf(request), id);
      const reservation = await pool.reserving.reserveJob(id, request.owner);
      if (form === BYTES_FORM) return answerBytes(reply, caller, reservation);
      const view = () => reservationView(reservation, request.query.encoding);
      return answer(reply, caller, [reservation], '200', view);
    } catch (error) {
      caller.forget();
      throw error;
    }
  });

  async function reserve(
    request: FastifyRequest,
    reply: FastifyReply,
    tubes: readonly string[],
    asked: Asked,
  ): Promise<FastifyReply> {
    const form = bodyForm(request);
    if (form === BYTES_FORM && asked.count > 1) throw tooManyForBytes();
    const deadlineMs = asked.deadlineMs ?? asked.timeout * 1000 + limits.reserveGraceMs;
    const timeout = Math.max(0, Math.min(asked.timeout, Math.floor((deadlineMs - RETURN_MS) / 1000)));
    reply.header('reserve-timeout', timeout);
    const caller = new Caller(request, reply);
    try {
      const { count } = asked;
      const taken = await pool.reserving.reserve({
        tubes,
        timeout,
        deadlineMs,
        count,
        presence: caller,
        owner: request.owner,
      });
      return answerTaken(reply, caller, taken, form, asked.encoding);
    } catch (error) {
      caller.forget();
      throw error;
    }
  }

  function answerTaken(
    reply: FastifyReply,
    caller: Caller,
    taken: readonly Reservation[],
    form: BodyForm,
    encoding: Encoding,
  ): FastifyReply {
    if (form === BYTES_FORM) {
      const [reservation] = taken;
      if (reservation !== undefined) return answerBytes(reply, caller, reservation);
      caller.forget();
      return reply.code(204).send();
    }
    const view = () => ({ reservations: taken.map((one) => reservationView(one, encoding)) });
    return answer(reply, caller, taken, '200', view);
  }

  function answer(
    reply: FastifyReply,
    caller: Caller,
    taken: readonly Reservation[],
    status: string,
    view: () => unknown,
  ): FastifyReply {
    let payload: string;
    try {
      payload = serializeBodies(reply, status, view);
    } catch (error) {
      settle(taken, false);
      throw error;
    }
    caller.answering((delivered) => settle(taken, delivered));
    return reply.code(Number(status)).type(`${JSON_FORM}; charset=utf-8`).send(payload);
  }

  function answerBytes(reply: FastifyReply, caller: Caller, reservation: Reservation): FastifyReply {
    const { job, body, token, expiresAt } = reservation;
    caller.answering((delivered) => settle([reservation], delivered));
    return reply
      .code(201)
      .headers({
        'content-type': BYTES_FORM,
        location: `/v1/reservations/${token}`,
        reservation: token,
        'job-id': job.id,
        'job-tube': job.tube,
        'job-priority': job.pri,
        'job-ttr': job.ttr,
        'job-reserves': job.reserves,
        'job-releases': job.releases,
        'reservation-expires': new Date(expiresAt).toISOString(),
      })
      .send(body);
  }

  /** What did not reach its caller is ready again at once. */
  function settle(taken: readonly Reservation[], delivered: boolean): void {
    for (const reservation of taken) {
      if (delivered) pool.reservations.delivered(reservation);
      else pool.reservations.undeliver(reservation);
    }
  }
}

const reservationView = (reservation: Reservation, encoding: Encoding): ReservationView => ({
  reservation: reservation.token,
  job: jobView(reservation.job),
  ...bodyView(reservation.body, encoding),
  expiresAt: new Date(reservation.expiresAt).toISOString(),
});

const tooManyForBytes = () =>
  invalid({ in: 'query', name: 'count', message: `must be 1 when the answer is ${BYTES_FORM}` });
