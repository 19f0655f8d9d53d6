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
/** A piece takes hundreds of bytes besides its own, and may have a single one: so many are made one. */
const PIECES_MAX = 1_024;

type Done = (error?: Error) => void;

export interface BodyRules {
  readonly budget: BodyBudget;
  /** In bytes; asked for each request, since beanstalkd's own limit may change with it. */
  readonly limit: () => number;
  readonly tooBig: (limit: number) => Problem;
}

/**
 * Reads the body of a request into one buffer, `request.body`, its memory taken from the budget: all of it
 * before the first byte where the length is declared, else as it comes. {@link releaseBody} gives it back.
 */
export function readBody(request: FastifyRequest, rules: BodyRules, done: Done): void {
  const declared = declaredLength(request);
  if (declared === 0) {
    done();
    return;
  }
  const { raw } = request;
  const { budget } = rules;
  const limit = rules.limit();
  const refusal = declared === undefined ? undefined : admit(request, declared, limit, rules);
  if (refusal !== undefined) {
    done(refusal);
    return;
  }
  allowUpload(request);
  const chunks: Buffer[] = [];
  const merged: Buffer[] = [];
  let received = 0;

  const stop = (error: Error) => {
    raw.off('data', onData).off('end', onEnd).off('close', onClose);
    raw.pause();
    releaseBody(request, budget);
    done(error);
  };
  const onData = (chunk: Buffer) => {
    received += chunk.length;
    if (received > limit) stop(rules.tooBig(limit));
    else if (declared === undefined && !take(request, budget, chunk.length)) stop(full());
    else if (chunks.push(chunk) === PIECES_MAX) merged.push(Buffer.concat(chunks.splice(0)));
  };
  const onEnd = () => {
    const [first] = chunks;
    // Node copies a body out of what the socket was read into. A view would keep all of that.
    const whole = chunks.length === 1 && first?.buffer.byteLength === received;
    request.body = whole ? first : Buffer.concat([...merged, ...chunks], received);
    // The listeners stay until the call is over.
    merged.length = 0;
    chunks.length = 0;
    done();
  };
  // Node closes every request in the end, most of them behind their answer.
  const onClose = () => {
    if (!raw.readableEnded) stop(invalid({ in: 'body', name: '', message: 'ended before it was complete' }));
  };
  raw.on('data', onData).on('end', onEnd).on('close', onClose);
}

/** Lets a request pass that has no body, or an empty one. */
export function refuseBody(request: FastifyRequest, done: Done): void {
  const declared = declaredLength(request);
  if (declared === 0) {
    done();
    return;
  }
  const refused = () =>
    invalid({ in: 'body', name: '', message: 'must be empty: this operation takes none' });
  if (declared !== undefined) {
    done(refused());
    return;
  }
  allowUpload(request);
  const { raw } = request;
  const stop = (error?: Error) => {
    raw.off('data', onData).off('end', onEnd).off('close', onData);
    done(error);
  };
  const onData = () => {
    raw.pause();
    stop(refused());
  };
  const onEnd = () => stop();
  raw.on('data', onData).on('end', onEnd).on('close', onData);
}

/** Gives the memory of the request's body back; again is harmless. */
export function releaseBody(request: FastifyRequest, budget: BodyBudget): void {
  const bytes = request.bodyBytes;
  request.bodyBytes = 0;
  if (bytes > 0) budget.give(bytes);
}

/** No body, or one that is declared to have no bytes. */
export const isEmpty = (request: FastifyRequest): boolean => declaredLength(request) === 0;

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
 * Whether the connection can be kept behind an answer that did not wait for the body. Where all of it has come, or what
 * is left is so little that it is read and dropped: closing would send a reset, which can overtake the answer. Not where
 * the caller expects to be asked for it: nobody knows then whether it comes.
 */
export const mayStayOpen = (request: FastifyRequest): boolean =>
  request.raw.complete ||
  isEmpty(request) ||
  (request.headers.expect === undefined &&
    (declaredLength(request) ?? Number.POSITIVE_INFINITY) <= SMALL_BODY);
