import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import type { PoolSnapshot } from '../pool/pool.ts';
import type { App, Context } from './context.ts';
import { Durations, type Series } from './durations.ts';

const PREFIX = 'beanstalkd_gateway_';
/** Long polls wait for minutes. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const COMMAND_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15];

/** The gateway's own figures: its process, its calls, its pool. Those that the registry does not have are returned. */
export function measureGateway(app: App, context: Context, registry: Registry): readonly Durations[] {
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: `${PREFIX}info`,
    help: 'Always 1; its labels tell the version and the life of the process.',
    labelNames: ['version', 'instance'],
    registers: [registry],
  });
  info.set({ version: context.version, instance: context.instance }, 1);
  showPool(context, registry);
  showFirstResults(context, registry);
  return [measureRequests(app), measureCommands(context)];
}

function measureRequests(app: App): Durations {
  const durations = new Durations({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'Duration of HTTP calls, from their head to the end of their answer.',
    buckets: REQUEST_BUCKETS,
  });
  const measuring = (route: string) => {
    // Both parts of the key are bounded.
    const series = new Map<string, Map<number, Series>>();
    return (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      const { method } = request;
      const { statusCode } = reply;
      let ofMethod = series.get(method);
      if (ofMethod === undefined) {
        ofMethod = new Map();
        series.set(method, ofMethod);
      }
      let observed = ofMethod.get(statusCode);
      if (observed === undefined) {
        observed = durations.series({ method, route, status: String(statusCode) });
        ofMethod.set(statusCode, observed);
      }
      observed.observe(reply.elapsedTime / 1000);
      done();
    };
  };
  // For each route of its own: asking the request for its route costs more than all of this.
  app.addHook('onRoute', (route) => {
    route.onResponse = [measuring(route.url), ...[route.onResponse ?? []].flat()];
  });
  const notFound = measuring('none');
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) notFound(request, reply, done);
    else done();
  });
  return durations;
}

function measureCommands({ pool }: Context): Durations {
  const durations = new Durations({
    name: `${PREFIX}command_duration_seconds`,
    help: 'Duration of commands to beanstalkd, waits included.',
    buckets: COMMAND_BUCKETS,
  });
  const series = new Map<string, Series>();
  pool.onCommand = (name, seconds, ok) => {
    const key = ok ? name : `${name} failed`;
    let observed = series.get(key);
    if (observed === undefined) {
      observed = durations.series({ command: name, ok: String(ok) });
      series.set(key, observed);
    }
    observed.observe(seconds);
  };
  return durations;
}

function showPool({ pool }: Context, registry: Registry): void {
  const connections = new Gauge({
    name: `${PREFIX}connections`,
    help: 'Connections to beanstalkd by what they do.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const [kind, count] of Object.entries(pool.snapshot().connections))
        connections.set({ kind }, count);
    },
  });
  for (const [name, help, figure] of FIGURES) {
    const gauge: Gauge = new Gauge({
      name: PREFIX + name,
      help,
      registers: [registry],
      collect: () => gauge.set(pool.snapshot()[figure]),
    });
  }
}

function showFirstResults({ firstPuts, firstBatches }: Context, registry: Registry): void {
  const gauge: Gauge = new Gauge({
    name: `${PREFIX}idempotency_results`,
    help: 'Results of puts with an Idempotency-Key that are remembered, of at most IDEMPOTENCY_MAX each.',
    labelNames: ['of'],
    registers: [registry],
    collect: () => {
      gauge.set({ of: 'puts' }, firstPuts.size);
      gauge.set({ of: 'batches' }, firstBatches.size);
    },
  });
}

const FIGURES: readonly (readonly [
  name: string,
  help: string,
  figure: Exclude<keyof PoolSnapshot, 'connections'>,
])[] = [
  ['waiters', 'Callers that wait for jobs.', 'waiters'],
  ['reservations', 'Reservations held.', 'reservations'],
  ['endings', 'Ended reservations remembered.', 'endings'],
  ['body_bytes', 'Memory of the bodies in flight.', 'bodyBytes'],
  ['commands_in_flight', 'Commands sent and not answered.', 'commandsInFlight'],
  ['commands_queued', 'Commands not sent yet.', 'commandsQueued'],
  ['reconnects', 'Times that beanstalkd was reached again, since the start.', 'reconnects'],
  ['pokes', 'Reminders of beanstalkd to expire a reservation, since the start.', 'pokes'],
];
