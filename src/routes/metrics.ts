import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { BeanstalkdMetrics } from './beanstalkd-metrics.ts';
import { readNothing } from './bodies.ts';
import type { App, Context } from './context.ts';
import type { Durations } from './durations.ts';
import { measureGateway } from './gateway-metrics.ts';
import { operation } from './operation.ts';

const getMetrics = operation({
  operationId: 'getMetrics',
  tag: 'operate',
  need: 'inspect',
  wholeServer: true,
  summary: 'Figures for Prometheus',
  description: [
    'Figures of the process, of the HTTP calls by route, of the pool and its commands, and of beanstalkd and its tubes.',
    'While beanstalkd is out of reach, `beanstalkd_up` is 0 and its own figures are missing.',
  ].join(' '),
  answers: {
    200: {
      description: 'The text format of Prometheus.',
      content: { 'text/plain': { schema: Type.String(), example: 'beanstalkd_up 1\n' } },
    },
  },
  problems: ['invalid-request'],
});

export interface Measured {
  readonly registry: Registry;
  readonly durations: readonly Durations[];
}

/** Measures every route added from now on. */
export function measure(app: App, context: Context): Measured {
  const registry = new Registry();
  return { registry, durations: measureGateway(app, context, registry) };
}

/** The page that Prometheus reads. */
export async function metricsRoutes(
  app: App,
  context: Context,
  { registry, durations }: Measured,
): Promise<void> {
  readNothing(app);
  const beanstalkd = new BeanstalkdMetrics(context, registry);
  app.get('/metrics', getMetrics, async (_request, reply) => {
    await beanstalkd.refresh();
    const texts = [await registry.metrics(), ...durations.map((each) => each.text())];
    return reply.type(registry.contentType).send(texts.join('\n'));
  });
}
