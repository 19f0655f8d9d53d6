import type { FastifyRequest } from 'fastify';
import type { App } from './context.ts';
import { Problem } from './problem.ts';

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * For a gateway without keys, which anybody on this machine may call: the pages that its browsers show may not, unless they
 * are the gateway's own or of these origins. A browser sends their calls without asking first, with any body; it says where
 * from, in the way of net/http.CrossOriginProtection of Go.
 */
export function refuseForeignPages(app: App, trusted: readonly string[]): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers } = request;
    if (SAFE_METHODS.includes(method) || !isForeign(request) || trusted.includes(headers.origin ?? ''))
      done();
    else
      done(
        new Problem('forbidden', 'a page of another origin may not call: CORS_ORIGINS names those that may'),
      );
  });
}

function isForeign({ headers, host }: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  // Browsers before 2023, and those whose page came over plain HTTP.
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
}
