import { METHODS } from 'node:http';
import type { App } from './context.ts';
import { Problem } from './problem.ts';

/**
 * Refuses every other method on each path that is served. To be called before the first route is added;
 * the function that it returns, after the last.
 */
export function refuseOtherMethods(app: App): () => void {
  const served = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    served.add(url);
  });
  return () => {
    for (const method of METHODS) {
      // CONNECT comes as an event of its own.
      if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method);
    }
    for (const url of [...served]) refuseOthers(app, url);
  };
}

function refuseOthers(app: App, url: string): void {
  const isServed = (method: string) => app.hasRoute({ url, method });
  const allow = app.supportedMethods.filter(isServed).sort().join(', ');
  const refused = () =>
    new Problem('method-not-allowed', `${allow}: no other method is allowed here`, { headers: { allow } });
  app.route({
    url,
    method: app.supportedMethods.filter((method) => !isServed(method)),
    schema: { hide: true },
    // Before any body is read.
    onRequest: (_request, _reply, done) => done(refused()),
    handler: () => {
      throw refused();
    },
  });
}
