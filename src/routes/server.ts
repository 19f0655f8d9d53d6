import { readNothing } from './bodies.ts';
import type { App, Context } from './context.ts';
import { FAILURES } from './failures.ts';
import { json, operation } from './operation.ts';
import { ref } from './schemas/reference.ts';
import { exampleServer, ServerSchema } from './schemas/server.ts';

const getServer = operation({
  operationId: 'getServer',
  tag: 'tend',
  need: 'inspect',
  wholeServer: true,
  summary: 'Look at beanstalkd itself',
  description: 'All figures of beanstalkd, and the version and the instance of the gateway that answers.',
  answers: { 200: { description: 'The figures.', content: json(ref(ServerSchema), exampleServer) } },
  problems: ['invalid-request', ...FAILURES],
});

/** beanstalkd as a whole. */
export async function serverRoutes(app: App, { pool, version, instance }: Context): Promise<void> {
  readNothing(app);
  app.get('/v1/server', getServer, async () => ({
    ...(await pool.server.stats()),
    gateway: { version, instance },
  }));
}
