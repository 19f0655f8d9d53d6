import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { BodyBudget } from '../pool/body-budget.ts';
import { mayStayOpen, releaseBody } from './body.ts';
import type { App } from './context.ts';
import { isApi, markAnswer } from './every-answer.ts';
import { lingerOnClose } from './linger.ts';
import { Problem, toProblem } from './problem.ts';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Answers every error of a route with its problem. */
export function answerErrors(app: App, bodies: BodyBudget): void {
  app.setErrorHandler((error, request, reply) => {
    releaseBody(request, bodies);
    const problem = toProblem(error);
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, routeNotFound()));
}

const routeNotFound = () => new Problem('route-not-found', 'there is nothing under this path');

/** For errors that come before any route: a malformed URL. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const answer = () => {
    markAnswer(request, reply);
    sendProblem(request, reply, toProblem(error));
  };
  // No hook has made it wait its turn (routes/sent-ahead.ts), and it would close the connection to those before it.
  if (reply.raw.socket === null && !mayStayOpen(request)) reply.raw.once('socket', answer);
  else answer();
}

const sendProblem = (request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply =>
  reply.send(asProblem(request, reply, problem));

/** Makes the answer that of a problem, but for its body, which it returns. */
export function asProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): string {
  if (problem.kind === 'internal-error')
    request.log.error({ err: problem.cause, id: request.id }, problem.message);
  if (!mayStayOpen(request)) {
    reply.header('connection', 'close');
    lingerOnClose(request.raw.socket);
  }
  reply.code(problem.status).headers(problem.headers).type(PROBLEM_TYPE);
  return JSON.stringify(problem.body(request.id, isChanging(request)));
}

const isChanging = (request: FastifyRequest) =>
  request.method !== 'GET' && request.method !== 'HEAD' && isApi(request);
