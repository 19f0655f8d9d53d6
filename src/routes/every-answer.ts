import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from '../pool/pool.ts';
import type { App } from './context.ts';
import { lingerOnClose } from './linger.ts';
import { invalid, Problem } from './problem.ts';

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

/**
 * Of the API, not of the pages around it. The target may have an origin in front (RFC 9112, section 3.2.2), or be
 * percent-encoded; asking for the route is slower than a look at the usual target.
 */
export function isApi(request: FastifyRequest): boolean {
  const { url } = request;
  return url.startsWith('/v1/') || (request.routeOptions.url ?? url.replace(ORIGIN, '')).startsWith('/v1/');
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

/** Node leaves out what comes behind so many without a word, a Content-Length too. */
export const HEADERS_MAX = 1_000;

/** Refuses what another server might read as another request (RFC 9112, sections 3.2 and 6.1). */
export function refuseAmbiguous(app: App): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const { host, 'transfer-encoding': coding } = raw.headers;
    if (raw.rawHeaders.length > 2 * HEADERS_MAX) {
      // Whether a body comes is not known either.
      reply.header('connection', 'close');
      lingerOnClose(raw.socket);
      done(tooManyHeaders());
    } else if (host === undefined && raw.httpVersion === '1.1') done(wrongHeader('Host', 'is missing'));
    else if (hasTwoHosts(raw.rawHeaders)) done(wrongHeader('Host', 'is there twice'));
    else if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      done(wrongHeader('Transfer-Encoding', 'must be chunked: no other coding is undone here'));
    } else done();
  });
}

const tooManyHeaders = () => new Problem('headers-too-large', `there are more than ${HEADERS_MAX} headers`);

const wrongHeader = (name: string, message: string) => invalid({ in: 'header', name, message });

/** Names and values in turn, as they came; among its `headers` Node keeps only the first. */
function hasTwoHosts(raw: readonly string[]): boolean {
  let hosts = 0;
  for (let n = 0; n < raw.length; n += 2) {
    const name = raw[n];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}
