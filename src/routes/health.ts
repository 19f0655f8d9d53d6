import { readNothing } from './bodies.ts';
import type { App, Context } from './context.ts';
import { json, operation } from './operation.ts';
import { unavailable } from './problem.ts';
import { ref } from './schemas/reference.ts';
import { HealthSchema } from './schemas/server.ts';

const OK = { status: 'ok' } as const;

const getLiveness = operation({
  operationId: 'getLiveness',
  tag: 'operate',
  need: 'nothing',
  summary: 'Whether the process serves',
  description: 'For a supervisor that restarts what does not answer. It says nothing about beanstalkd.',
  answers: { 200: { description: 'It serves.', content: json(ref(HealthSchema), OK) } },
  problems: ['invalid-request'],
});

const getReadiness = operation({
  operationId: 'getReadiness',
  tag: 'operate',
  need: 'nothing',
  summary: 'Whether beanstalkd answers',
  description: [
    'For a load balancer: 200 while beanstalkd answers, judged by a probe every second or so, and the gateway is not',
    'stopping. Otherwise 503, with the reason as `reason`.',
  ].join(' '),
  answers: { 200: { description: 'Send work.', content: json(ref(HealthSchema), OK) } },
  problems: ['invalid-request', 'beanstalkd-unreachable', 'shutting-down'],
});

/** What supervisors and load balancers ask. */
export async function healthRoutes(app: App, { pool, beanstalkdFailure }: Context): Promise<void> {
  readNothing(app);

  app.get('/livez', getLiveness, async () => OK);

  app.get('/readyz', getReadiness, async () => {
    if (pool.stopping) throw unavailable('shutting-down', 'the gateway is stopping', { reason: 'stopping' });
    const { health } = pool.server;
    if (!health.ok) {
      throw unavailable('beanstalkd-unreachable', 'beanstalkd does not answer', {
        reason: beanstalkdFailure() ?? health.reason,
      });
    }
    return OK;
  });
}
