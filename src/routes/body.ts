import type { FastifyRequest } from 'fastify';
import type { BodyBudget } from '../pool/body-budget.ts';
import { invalid, type Problem, unavailable } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes taken from the budget for the body of this request. */
    bodyBytes: number;
  }
}

const SMALL_BODY = 1_048_576;

type Done = (error: Error | null, body?: Buffer) => void;

export interface BodyRules {
  readonly budget: BodyBudget;
  /** In bytes; asked for each request, since beanstalkd's own limit may change with it. */
  readonly limit: () => number;
  readonly tooBig: (limit: number) => Problem;
}

/**
 * Reads the body of a request into one buffer, its memory taken from the budget: all of it before the
 * first byte where the length is declared, else as it comes. {@link releaseBody} gives it back.
 */
export function readBody(request: FastifyRequest, rules: BodyRules, done: Done): void {
  const { raw } = request;
  const { budget } = rules;
  const limit = rules.limit();
  const declared = declaredLength(request);
  const refusal = declared === undefined ? undefined : admit(request, declared, limit, rules);
  if (refusal !== undefined) {
    done(refusal);
    return;
  }
  allowUpload(request);
  const chunks: Buffer[] = [];
  let received = 0;

  const stop = (error: Error) => {
    raw.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
    raw.pause();
    releaseBody(request, budget);
    done(error);
  };
  const onData = (chunk: Buffer) => {
    received += chunk.length;
    if (received > limit) stop(rules.tooBig(limit));
    else if (declared === undefined && !take(request, budget, chunk.length)) stop(full());
    else chunks.push(chunk);
  };
  const onEnd = () => {
    raw.off('error', onLost).off('close', onLost);
    // Always copied: a view would keep the whole buffer that the socket was read into.
    done(null, Buffer.concat(chunks, received));
  };
  const onLost = () => stop(invalid({ in: 'body', name: '', message: 'ended before it was complete' }));
  raw.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
}

/** Reads a body that must be empty. */
export function refuseBody(request: FastifyRequest, done: Done): void {
  const refused = () =>
    invalid({ in: 'body', name: '', message: 'must be empty: this operation takes none' });
  const declared = declaredLength(request);
  if (declared !== undefined) {
    done(declared === 0 ? null : refused());
    return;
  }
  allowUpload(request);
  const { raw } = request;
  const stop = (error: Error | null) => {
    raw.off('data', onData).off('end', onEnd).off('error', onData).off('close', onData);
    done(error);
  };
  const onData = () => {
    raw.pause();
    stop(refused());
  };
  const onEnd = () => stop(null);
  raw.on('data', onData).on('end', onEnd).on('error', onData).on('close', onData);
}

/** Gives the memory of the request's body back; again is harmless. */
export function releaseBody(request: FastifyRequest, budget: BodyBudget): void {
  const bytes = request.bodyBytes;
  request.bodyBytes = 0;
  if (bytes > 0) budget.give(bytes);
}

/** Undefined when the body is chunked. Node refuses a length that is none. */
function declaredLength({ headers }: FastifyRequest): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  return Number(headers['content-length'] ?? 0);
}

/** Whether a body of this length may come; its memory is taken then. */
function admit(request: FastifyRequest, bytes: number, limit: number, rules: BodyRules): Problem | undefined {
  if (bytes > limit) return rules.tooBig(limit);
  return take(request, rules.budget, bytes) ? undefined : full();
}

function take(request: FastifyRequest, budget: BodyBudget, bytes: number): boolean {
  if (!budget.take(bytes)) return false;
  request.bodyBytes += bytes;
  return true;
}

/** A caller with `Expect: 100-continue` sends its body only now that nothing speaks against it (app.ts). */
function allowUpload({ raw }: FastifyRequest): void {
  if (raw.headers.expect !== undefined) raw.emit('continue');
}

const full = () => unavailable('overloaded', 'the memory for bodies is used up');

/**
 * What is left of a refused body is so little that it is read and dropped, and the connection kept: closing
 * it would send a reset, which can overtake the answer.
 */
export const hasSmallBody = (request: FastifyRequest): boolean =>
  request.headers.expect === undefined && (declaredLength(request) ?? Number.POSITIVE_INFINITY) <= SMALL_BODY;
