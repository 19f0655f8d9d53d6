import { randomUUID } from 'node:crypto';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import type { FastifyBaseLogger } from 'fastify';
import { type HttpOptions, newApp } from './http.ts';
import { auditAdmin } from './routes/audit.ts';
import { type Admission, authorize } from './routes/authorize.ts';
import type { App, Context, Limits } from './routes/context.ts';
import { allowOrigins } from './routes/cors.ts';
import { docsRoutes } from './routes/docs.ts';
import { FirstResults } from './routes/first-results.ts';
import { refuseForeignPages } from './routes/foreign-pages.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { refuseOtherMethods } from './routes/methods.ts';
import { measure, metricsRoutes } from './routes/metrics.ts';
import { type MetricsPort, serveMetricsApart } from './routes/metrics-port.ts';
import { openapiRoutes } from './routes/openapi.ts';
import { openapiOptions } from './routes/openapi-document.ts';
import { problemRoutes } from './routes/problems.ts';
import { produceRoutes } from './routes/produce.ts';
import { countResults, produceBatchRoutes } from './routes/produce-batch.ts';
import { convertQueries } from './routes/query.ts';
import { limitAddresses, type Rates } from './routes/rate-limits.ts';
import { type LogRequests, logRequests } from './routes/request-log.ts';
import { reserveRoutes } from './routes/reserve.ts';
import { COMPONENTS } from './routes/schemas/components.ts';
import { serverRoutes } from './routes/server.ts';
import { settleRoutes } from './routes/settle.ts';
import { settleBatchRoutes } from './routes/settle-batch.ts';
import { tubeRoutes } from './routes/tubes.ts';
import { welcomeRoutes } from './routes/welcome.ts';

export interface AppOptions extends HttpOptions {
  readonly logRequests: LogRequests;
  /** What administrators do. */
  readonly audit: FastifyBaseLogger;
  readonly admission: Admission;
  readonly rates: Rates;
  readonly corsOrigins: '*' | readonly string[] | undefined;
  /** Undefined: beside the API. */
  readonly metricsPort: MetricsPort | undefined;
  readonly limits: Limits;
  readonly version: string;
  readonly commandTimeoutMs: number;
  /** Why the gateway's own beanstalkd does not run, where it has one and knows. */
  readonly beanstalkdFailure?: () => string | undefined;
  /** An answer that the OpenAPI document does not announce becomes a 500: for tests. */
  readonly checkAnswers?: boolean;
}

/** Builds the HTTP side of the gateway; it listens to nothing yet. */
export async function buildApp(options: AppOptions): Promise<App> {
  const { pool, limits, version } = options;
  const remembering = { ttlMs: limits.idempotencyTtl * 1_000, max: limits.idempotencyMax };
  const context: Context = {
    pool,
    limits,
    firstPuts: new FirstResults({ ...remembering, countOf: () => 1 }),
    firstBatches: new FirstResults({ ...remembering, countOf: countResults }),
    version,
    instance: randomUUID(),
    commandTimeoutMs: options.commandTimeoutMs,
    beanstalkdFailure: options.beanstalkdFailure ?? (() => undefined),
  };
  const app = newApp(options);
  for (const component of COMPONENTS) app.addSchema(component);
  // Where it is off, the compiler of its schemas is not even loaded.
  if (options.checkAnswers === true) (await import('./routes/answer-check.ts')).checkAnswers(app);
  convertQueries(app);
  logRequests(app, options.logRequests);
  if (options.corsOrigins !== undefined) await allowOrigins(app, options.corsOrigins);
  if (options.admission.keys === undefined && options.corsOrigins !== '*')
    refuseForeignPages(app, options.corsOrigins ?? []);
  await limitAddresses(app, options.rates);
  await authorize(app, options.admission, options.rates);
  auditAdmin(app, options.audit);
  const measured = measure(app, context);
  const refuseTheRest = refuseOtherMethods(app);

  await app.register(swagger, openapiOptions(version));
  for (const routes of [produceRoutes, produceBatchRoutes, reserveRoutes, settleRoutes, settleBatchRoutes]) {
    await app.register((scope) => routes(scope, context));
  }
  for (const routes of [jobRoutes, tubeRoutes, serverRoutes, healthRoutes, openapiRoutes]) {
    await app.register((scope) => routes(scope, context));
  }
  if (options.metricsPort === undefined)
    await app.register((scope) => metricsRoutes(scope, context, measured));
  else {
    const apart = newApp({ ...options, tls: undefined });
    serveMetricsApart(app, apart, { context, measured, at: options.metricsPort });
  }
  await app.register((scope) => pages(scope, context, options.tls !== undefined));
  refuseTheRest();
  await app.ready();
  return app;
}

/** What a browser shows, under a content security policy. */
async function pages(app: App, context: Context, secure: boolean): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        // Helmet would allow any host with TLS.
        fontSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        formAction: ["'none'"],
        // Over plain HTTP it would break the page; whether there is TLS in front is for the proxy to say.
        upgradeInsecureRequests: secure ? [] : null,
      },
    },
    strictTransportSecurity: secure && { includeSubDomains: false },
  });
  await app.register((scope) => welcomeRoutes(scope, context));
  await app.register((scope) => problemRoutes(scope));
  await app.register((scope) => docsRoutes(scope));
}
