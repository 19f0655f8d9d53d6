import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from '../pool/pool.ts';
import type { App } from './context.ts';
import { invalid } from './problem.ts';

const REQUEST_ID = /^[A-Za-z0-9._~-]{1,128}$/;

const LIFE = randomBytes(9).toString('base64url');
let made = 0;

/** The caller's own `X-Request-Id` where it is safe to log and to answer, else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : makeRequestId();
}

/** Random for this life of the process, and then a number. */
export function makeRequestId(): string {
  made += 1;
  return `${LIFE}-${made}`;
}

const ORIGIN = /^https?:\/\/[^/]*/i;

/** Of the API, not of the pages around it. The target may have an origin in front (RFC 9112, section 3.2.2). */
export function isApi({ url }: FastifyRequest): boolean {
  return url.startsWith('/v1/') || (!url.startsWith('/') && url.replace(ORIGIN, '').startsWith('/v1/'));
}

/** The headers that every answer has. */
export function markAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  if (isApi(request)) reply.header('cache-control', 'no-store');
}

export function markAnswers(app: App, pool: Pool): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    markAnswer(request, reply);
    if (pool.stopping) reply.header('connection', 'close');
    done();
  });
}

/** RFC 9112, section 3.2. */
export function requireHost(app: App): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.headers.host === undefined && raw.httpVersion === '1.1') {
      done(invalid({ in: 'header', name: 'Host', message: 'is missing' }));
    } else {
      done();
    }
  });
}
