import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyHttpOptions, LogController } from 'fastify';
import type { Pool } from './pool/pool.ts';
import { auditAdmin } from './routes/audit.ts';
import { type Admission, authorize } from './routes/authorize.ts';
import { watchConnections } from './routes/connections.ts';
import type { App, Context, Limits } from './routes/context.ts';
import { allowOrigins } from './routes/cors.ts';
import { docsRoutes } from './routes/docs.ts';
import { answerErrors, answerFrameworkError } from './routes/errors.ts';
import { HEADERS_MAX, markAnswers, refuseAmbiguous, requestId } from './routes/every-answer.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { refuseOtherMethods } from './routes/methods.ts';
import { measure, metricsRoutes } from './routes/metrics.ts';
import { type MetricsPort, serveMetricsApart } from './routes/metrics-port.ts';
import { openapiRoutes } from './routes/openapi.ts';
import { openapiOptions } from './routes/openapi-document.ts';
import { problemRoutes } from './routes/problems.ts';
import { produceRoutes } from './routes/produce.ts';
import { produceBatchRoutes } from './routes/produce-batch.ts';
import { convertQueries } from './routes/query.ts';
import { limitAddresses, type Rates } from './routes/rate-limits.ts';
import { answerClientError, refuseConnect } from './routes/raw-errors.ts';
import { type LogRequests, logRequests } from './routes/request-log.ts';
import { reserveRoutes } from './routes/reserve.ts';
import { COMPONENTS } from './routes/schemas/components.ts';
import { isUint64 } from './routes/schemas/scalars.ts';
import { limitSentAhead } from './routes/sent-ahead.ts';
import { serverRoutes } from './routes/server.ts';
import { settleRoutes } from './routes/settle.ts';
import { settleBatchRoutes } from './routes/settle-batch.ts';
import { tubeRoutes } from './routes/tubes.ts';
import { welcomeRoutes } from './routes/welcome.ts';
import type { Tls } from './tls.ts';

/** How slow a caller may be, in milliseconds. */
const TIMEOUTS = {
  /** From the connection, or the first byte of a later request, to the end of the head. */
  headersMs: 15_000,
  /** From the same moment to the end of the body: slow uploads. Answers may take longer. */
  requestMs: 300_000,
  /** How often Node looks at these two. */
  checkEveryMs: 5_000,
  // The kernel takes a third of its buffer at once, megabytes: less would cut those who read 50 kB/s.
  answerStallMs: 60_000,
  stallCheckEveryMs: 5_000,
};
/** Longer than the 60 s after which load balancers close: the side that sends requests should close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** Since Node 24.12, which the types do not know yet: a call without a body costs a twentieth less. */
const NO_STREAM_FOR_NO_BODY = { optimizeEmptyRequests: true };
/** A hundred tubes of 200 bytes, all of them percent-encoded, and the usual headers. */
const HEAD_MAX_BYTES = 81_920;
/** No path is longer than a head may be, so a name that is too long is 400 and not 404. */
const PARAMETER_MAX_LENGTH = HEAD_MAX_BYTES;

export interface AppOptions {
  readonly pool: Pool;
  readonly logger: FastifyBaseLogger | false;
  readonly logRequests: LogRequests;
  /** What administrators do. */
  readonly audit: FastifyBaseLogger;
  readonly admission: Admission;
  readonly rates: Rates;
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  readonly corsOrigins: '*' | readonly string[] | undefined;
  /** Undefined: beside the API. */
  readonly metricsPort: MetricsPort | undefined;
  /** Undefined: plain HTTP. */
  readonly tls: Tls | undefined;
  readonly limits: Limits;
  readonly version: string;
  /** Idle time before TCP keepalive probes towards HTTP callers. */
  readonly keepaliveDelayMs: number;
  readonly commandTimeoutMs: number;
  /** Connections of callers at once. */
  readonly connectionsMax: number;
  readonly timeouts?: Partial<typeof TIMEOUTS>;
  /** Why the gateway's own beanstalkd does not run, where it has one and knows. */
  readonly beanstalkdFailure?: () => string | undefined;
}

/** Builds the HTTP side of the gateway; it listens to nothing yet. */
export async function buildApp(options: AppOptions): Promise<App> {
  const { pool, limits, version } = options;
  const context: Context = {
    pool,
    limits,
    version,
    instance: randomUUID(),
    commandTimeoutMs: options.commandTimeoutMs,
    beanstalkdFailure: options.beanstalkdFailure ?? (() => undefined),
  };
  const app = listenTo(options);
  listenBeyondRequests(app);
  if (app.server instanceof HttpsServer) options.tls?.attach(app.server);
  watchConnections(app.server, { max: options.connectionsMax, ...TIMEOUTS, ...options.timeouts });

  // Scopes read their bodies themselves (routes/bodies.ts): a parser of Fastify costs a tenth of a put.
  for (const method of app.supportedMethods) app.addHttpMethod(method, { overrideExisting: true });
  app.decorateRequest('bodyBytes', 0);
  limitSentAhead(app);
  for (const component of COMPONENTS) app.addSchema(component);
  answerErrors(app, pool.bodies);
  convertQueries(app);
  refuseAmbiguous(app);
  markAnswers(app, pool);
  logRequests(app, options.logRequests);
  if (options.corsOrigins !== undefined) await allowOrigins(app, options.corsOrigins);
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
    const apart = listenTo({ ...options, tls: undefined });
    serveMetricsApart(app, apart, { context, measured, at: options.metricsPort });
  }
  await app.register((scope) => pages(scope, context, options.tls !== undefined));
  refuseTheRest();
  await app.ready();
  return app;
}

/** An app without anything in it. */
const listenTo = (options: AppOptions): App =>
  Fastify(serverOptions(options)).withTypeProvider<TypeBoxTypeProvider>();

function serverOptions({
  logger,
  keepaliveDelayMs,
  timeouts,
  trustProxy,
  tls,
}: AppOptions): FastifyHttpOptions<Server> {
  const { headersMs, requestMs, checkEveryMs } = { ...TIMEOUTS, ...timeouts };
  const http = {
    headersTimeout: headersMs,
    maxHeaderSize: HEAD_MAX_BYTES,
    connectionsCheckingInterval: checkEveryMs,
    keepAlive: true,
    keepAliveInitialDelay: keepaliveDelayMs,
    noDelay: true,
    // Node would answer by itself; refuseAmbiguous does.
    requireHostHeader: false,
    ...NO_STREAM_FOR_NO_BODY,
  };
  return {
    ...(logger === false ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    // A child logger for each request costs more than naming the id in the one line that it writes.
    childLoggerFactory: (parent) => parent,
    genReqId: requestId,
    requestIdHeader: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    requestTimeout: requestMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionTimeout: 0,
    ...(tls === undefined ? { http } : { https: { ...http, ...tls.options } }),
    // Fastify's own answer is no problem+json; the pool refuses new work by itself.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_MAX_LENGTH },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: true,
        allErrors: true,
        formats: { uint64: isUint64 },
      },
    },
  };
}

/** What Node tells in other ways than by a request. */
function listenBeyondRequests(app: App): void {
  const { server } = app;
  server.on('connect', refuseConnect);
  server.maxHeadersCount = HEADERS_MAX;
  // Each of the requests that were sent ahead watches the socket.
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket: Socket) => socket.setMaxListeners(0));
  }
  // A body is asked for only when it is read (routes/body.ts): one that is refused is not even sent.
  server.on('checkContinue', (request, response) => {
    request.once('continue', () => response.writeContinue());
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/** What a browser shows, under a content security policy. */
async function pages(app: App, context: Context, secure: boolean): Promise<void> {
  await app.register(helmet, {
    // Over plain HTTP it would break the page; whether there is TLS in front is for the proxy to say.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: secure ? [] : null } },
    strictTransportSecurity: secure && { includeSubDomains: false },
  });
  await app.register((scope) => welcomeRoutes(scope, context));
  await app.register((scope) => problemRoutes(scope));
  await app.register((scope) => docsRoutes(scope));
}
