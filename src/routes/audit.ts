import type { FastifyBaseLogger } from 'fastify';
import { NOBODY } from '../access/key-ring.ts';
import type { App } from './context.ts';
import { memberOf } from './member.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of an act of administration: where it came from. */
    address: string;
  }
}

/**
 * One line for each act of administration (deleting a job by its id, kick, pause, clear), also one that a valid key was
 * refused: who, from where, what, and how it went. Written before the answer leaves, so also for a caller that has gone.
 */
export function auditAdmin(app: App, audit: FastifyBaseLogger): void {
  app.decorateRequest('address', '');
  app.addHook('onRoute', (route) => {
    if (route.config?.need !== 'admin') return;
    const operation = route.schema?.operationId;
    // What else a query has is refused, and may be anything, even a key.
    const known = Object.keys(memberOf(route.schema?.querystring, 'properties') ?? {});
    route.onRequest = [
      // A socket that has closed has forgotten it.
      (request, _reply, done) => {
        request.address = request.ip;
        done();
      },
      ...[route.onRequest ?? []].flat(),
    ];
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      (request, reply, payload, done) => {
        const { key, address, id, params } = request;
        const { statusCode: status } = reply;
        // What was kicked or deleted, or the problem.
        const answer = typeof payload === 'string' ? payload : undefined;
        const query = Object.fromEntries(known.map((name) => [name, memberOf(request.query, name)]));
        if (key !== NOBODY)
          audit.info({ operation, key: key.name, address, id, params, query, status, answer }, 'audit');
        done();
      },
    ];
  });
}
