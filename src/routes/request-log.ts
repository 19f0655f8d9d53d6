import type { App } from './context.ts';

/** What is longer is none, and was refused; a caller without a key may send 80 KiB of it. */
const TUBE_MAX = 200;

export type LogRequests = 'all' | 'failed' | 'none';

/** One line a request, after its answer; never a body or a key. */
export function logRequests(app: App, which: LogRequests): void {
  if (which === 'none') return;
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply;
    if (which === 'all' || statusCode >= 400) {
      const { method, routeOptions, id, checkedKey } = request;
      app.log.info(
        {
          id,
          route: `${method} ${routeOptions.url ?? '(none)'}`,
          status: statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
          ...(checkedKey === undefined ? {} : { key: checkedKey.name }),
          ...tubeOf(request.params),
        },
        'request',
      );
    }
    done();
  });
}

function tubeOf(params: unknown): { tube?: string } {
  if (typeof params !== 'object' || params === null || !('tube' in params)) return {};
  return typeof params.tube === 'string' ? { tube: params.tube.slice(0, TUBE_MAX) } : {};
}
