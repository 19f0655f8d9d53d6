import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import type { App } from './context.ts';
import { DocumentedAnswers } from './documented-answers.ts';
import { asProblem } from './errors.ts';
import { toProblem } from './problem.ts';

/**
 * Holds every answer against the OpenAPI document before it leaves: where they differ, the answer is 500, and the log says
 * why. For tests. To be called when all components have been added, and no route yet.
 *
 * `@fastify/response-validation` would look only at objects on their way into Fastify's serialiser: at no problem, no
 * header, nothing that a route serialises itself, and not at members that a schema does not know.
 */
export function checkAnswers(app: App): void {
  let documented: DocumentedAnswers | undefined;
  // Complete only when the last route has been added.
  const judge = () => {
    documented ??= new DocumentedAnswers(app.swagger());
    return documented;
  };

  // What a serialiser makes does not show what it has dropped, or turned into another type.
  const compile = SerializerSelector()(app.getSchemas());
  app.setSerializerCompiler(({ schema, method, url, httpStatus = '', contentType = 'application/json' }) => {
    const serialize = compile({ schema, method, url, httpStatus });
    const announced = { method, path: documentedPath(url), status: Number(httpStatus) };
    return (value) => {
      const faults = judge().faultsOfValue(announced, contentType, value);
      if (faults.length > 0) throw wrong(faults);
      return serialize(value);
    };
  });

  app.addHook('onSend', (request, reply, payload, done) => {
    const { method, routeOptions } = request;
    const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : undefined;
    const faults = judge().faultsOf({
      method,
      path: documentedPath(routeOptions.url ?? ''),
      status: reply.statusCode,
      headers: reply.getHeaders(),
      body,
    });
    // An error would come to the error handler, which may be where this answer comes from.
    done(null, faults.length === 0 ? payload : asProblem(request, reply, toProblem(wrong(faults))));
  });
}

const documentedPath = (url: string) => url.replace(/:(\w+)/g, '{$1}');

const wrong = (faults: readonly string[]) => new Error(faults.join('; '));
