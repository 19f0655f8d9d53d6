import type { Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyHttpOptions, LogController } from 'fastify';
import type { Pool } from './pool/pool.ts';
import { watchConnections } from './routes/connections.ts';
import type { App } from './routes/context.ts';
import { answerErrors, answerFrameworkError } from './routes/errors.ts';
import { HEADERS_MAX, markAnswers, refuseAmbiguous, requestId } from './routes/every-answer.ts';
import { answerClientError, refuseConnect } from './routes/raw-errors.ts';
import { isUint64 } from './routes/schemas/scalars.ts';
import { limitSentAhead } from './routes/sent-ahead.ts';
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

export interface HttpOptions {
  readonly pool: Pool;
  readonly logger: FastifyBaseLogger | false;
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  /** Undefined: plain HTTP. */
  readonly tls: Tls | undefined;
  /** Idle time before TCP keepalive probes towards HTTP callers. */
  readonly keepaliveDelayMs: number;
  /** Connections of callers at once. */
  readonly connectionsMax: number;
  readonly timeouts?: Partial<typeof TIMEOUTS>;
}

/** An app without routes: what holds for every call, whatever it is about. */
export function newApp(options: HttpOptions): App {
  const { pool, tls, connectionsMax, timeouts } = options;
  const app = Fastify(serverOptions(options)).withTypeProvider<TypeBoxTypeProvider>();
  listenBeyondRequests(app);
  if (app.server instanceof HttpsServer) tls?.attach(app.server);
  watchConnections(app.server, { max: connectionsMax, ...TIMEOUTS, ...timeouts });
  // Scopes read their bodies themselves (routes/bodies.ts): a parser of Fastify costs a tenth of a put.
  for (const method of app.supportedMethods) app.addHttpMethod(method, { overrideExisting: true });
  app.decorateRequest('bodyBytes', 0);
  limitSentAhead(app);
  answerErrors(app, pool.bodies);
  refuseAmbiguous(app);
  markAnswers(app, pool);
  return app;
}

function serverOptions({
  logger,
  keepaliveDelayMs,
  timeouts,
  trustProxy,
  tls,
}: HttpOptions): FastifyHttpOptions<Server> {
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
