import type { App } from './context.ts';
import { toYaml } from './openapi-document.ts';
import { parameters } from './operation.ts';

/** The contract itself, for programs. */
export async function openapiRoutes(app: App): Promise<void> {
  const schema = { hide: true, querystring: parameters({}) };
  app.get('/openapi.json', { schema }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  );
  let yaml: string | undefined;
  // RFC 9512
  app.get('/openapi.yaml', { schema }, async (_request, reply) => {
    yaml ??= toYaml(app.swagger());
    return reply.type('application/yaml; charset=utf-8').send(yaml);
  });
}
