import { isUtf8 } from 'node:buffer';
import type { FastifyReply } from 'fastify';
import type { JobStats } from '../client/stats.ts';
import { BYTES_FORM } from './forms.ts';
import { Problem } from './problem.ts';
import type { Job, JobStatistics } from './schemas/job.ts';
import type { Encoding } from './schemas/scalars.ts';

/** The members that every job has in JSON. */
export const jobView = (stats: JobStats): Job => ({
  id: stats.id,
  tube: stats.tube,
  priority: stats.pri,
  ttr: stats.ttr,
  delay: stats.delay,
  age: stats.age,
  reserves: stats.reserves,
  timeouts: stats.timeouts,
  releases: stats.releases,
  buries: stats.buries,
  kicks: stats.kicks,
});

/** All of `stats-job`. */
export const jobStatistics = (stats: JobStats): JobStatistics => ({
  ...jobView(stats),
  state: stats.state,
  timeLeft: stats.timeLeft,
  file: stats.file,
});

/** A body as it stands in JSON: text where the bytes are that, and base64 else or when asked for. */
export function bodyView(body: Buffer, asked: Encoding): { body: string; encoding: Encoding } {
  const encoding = asked === 'utf-8' && isUtf8(body) ? 'utf-8' : 'base64';
  return { body: body.toString(encoding), encoding };
}

/**
 * Serialises an answer that carries bodies, before anything of it is sent: what V8 cannot hold as one
 * string becomes a 406 that names the form which has no such bound.
 */
export function serializeBodies(reply: FastifyReply, status: string, makeView: () => unknown): string {
  try {
    const serialize = reply.getSerializationFunction(status, 'application/json');
    if (serialize === undefined) throw new TypeError(`no schema for status ${status}`);
    return serialize(Object(makeView()));
  } catch (error) {
    if (isStringTooLong(error)) {
      throw new Problem('not-acceptable', `the body is too large for JSON: accept ${BYTES_FORM}`);
    }
    throw error;
  }
}

const isStringTooLong = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && error.code === 'ERR_STRING_TOO_LONG') ||
    (error instanceof RangeError && error.message === 'Invalid string length'));
