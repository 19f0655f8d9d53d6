import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Keys } from './access/keys.ts';
import { buildApp } from './app.ts';
import type { Address } from './client/address.ts';
import { OwnBeanstalkd } from './own/own-beanstalkd.ts';
import { Pool } from './pool/pool.ts';
import { type Settings, SettingsError } from './settings.ts';
import { Tls } from './tls.ts';

/** What a stop allows calls under way, at most: the deadline of a command and a little to write its answer. */
const CLOSE_MAX_MS = 5500;
const ANSWER_MS = 500;

/** What the process is told from outside, beside the settings. */
export interface GatewayOptions {
  readonly settings: Settings;
  readonly logRequests: 'all' | 'failed' | 'none';
  readonly log: Logger;
  readonly version: string;
  /** Where to look for the program of a beanstalkd of our own. */
  readonly path: string | undefined;
}

/** The parts of a running gateway: put up from beanstalkd to HTTP, taken down the other way. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #stopping = new AbortController();
  #started: Promise<void> | undefined;
  #keys: Keys | undefined;
  #tls: Tls | undefined;
  #own: OwnBeanstalkd | undefined;
  #pool: Pool | undefined;
  #app: FastifyInstance | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it listens. A beanstalkd elsewhere need not be there for that; one of our own must.
   * Rejects with an error whose message is the one line to show, a {@link SettingsError} where a setting's file is wrong. A stop meanwhile ends the attempt.
   */
  start(): Promise<void> {
    this.#started ??= this.#putUp();
    return this.#started;
  }

  /** Whether there are files that {@link reload} would read. */
  get canReload(): boolean {
    const { API_KEYS_FILE, TLS_CERT_FILE } = this.#options.settings;
    return API_KEYS_FILE !== undefined || TLS_CERT_FILE !== undefined;
  }

  /** Reads the keys and the certificates again; bad ones leave those that there are, and a line in the log. */
  reload(): void {
    this.#keys?.reload();
    this.#tls?.reload();
  }

  /** Stops in the order of DESIGN.md, leaving held jobs `graceMs` to be settled. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#started?.catch(() => {});
    this.#pool?.beginStop();
    await this.#pool?.idle(graceMs);
    // Before HTTP, which knows nothing of those in a handshake, and would wait for them.
    this.#tls?.close();
    this.#keys?.close();
    if (this.#app !== undefined) await this.#closeHttp(this.#app);
    await this.#pool?.close();
    await this.#own?.stop();
  }

  async #putUp(): Promise<void> {
    const { settings, log, logRequests, version } = this.#options;
    this.#openFiles();
    const address = await this.#findBeanstalkd();
    const pool = new Pool({
      address,
      connectTimeoutMs: settings.CONNECT_TIMEOUT_MS,
      commandTimeoutMs: settings.COMMAND_TIMEOUT_MS,
      keepaliveDelayMs: settings.KEEPALIVE_DELAY_MS,
      reserveGraceMs: settings.RESERVE_GRACE_MS,
      reserveSlice: settings.RESERVE_SLICE,
      maxConnections: settings.POOL_MAX_CONNECTIONS,
      reservationsMax: settings.RESERVATIONS_MAX,
      bufferMaxBytes: settings.BUFFER_MAX_BYTES,
      responseMaxBytes: settings.RESPONSE_MAX_BYTES,
      waitersMax: settings.RESERVE_WAITERS_MAX,
    });
    this.#pool = pool;
    const app = await buildApp({
      pool,
      logger: log,
      logRequests,
      // Not muted with the rest.
      audit: log.child({ audit: true }, { level: 'info' }),
      admission: {
        keys: this.#keys,
        openMetrics: settings.OPEN_METRICS,
        openDocs: settings.OPEN_DOCS,
        waitsPerKey: settings.WAITS_PER_KEY,
        reservationsPerKey: settings.RESERVATIONS_PER_KEY,
      },
      rates: { perAddress: settings.RATE_PER_ADDRESS, perKey: settings.RATE_PER_KEY },
      connectionsMax: settings.CONNECTIONS_MAX,
      trustProxy: settings.TRUST_PROXY ?? [],
      corsOrigins: settings.CORS_ORIGINS,
      metricsPort:
        settings.METRICS_PORT === 0
          ? undefined
          : { host: addressOf(settings.HOST), port: settings.METRICS_PORT },
      tls: this.#tls,
      limits: {
        bodyMaxBytes: settings.BODY_MAX_BYTES,
        bufferMaxBytes: settings.BUFFER_MAX_BYTES,
        responseMaxBytes: settings.RESPONSE_MAX_BYTES,
        batchMax: settings.BATCH_MAX,
        reserveTimeoutMax: settings.RESERVE_TIMEOUT_MAX,
        reserveGraceMs: settings.RESERVE_GRACE_MS,
        metricsTubesMax: settings.METRICS_TUBES_MAX,
        idempotencyTtl: settings.IDEMPOTENCY_TTL,
        idempotencyMax: settings.IDEMPOTENCY_MAX,
      },
      version,
      keepaliveDelayMs: settings.KEEPALIVE_DELAY_MS,
      commandTimeoutMs: settings.COMMAND_TIMEOUT_MS,
      beanstalkdFailure: () => this.#own?.failure,
    });
    this.#app = app;
    if (this.#stopping.signal.aborted) return;
    try {
      await app.listen({
        host: addressOf(settings.HOST),
        port: settings.PORT,
        listenTextResolver: (url) => `listening on ${url}, with the beanstalkd at ${describe(address)}`,
      });
    } catch (cause) {
      throw new Error(whyNotListening(cause, settings), { cause });
    }
  }

  #openFiles(): void {
    const { settings, log } = this.#options;
    const { API_KEYS_FILE, TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE } = settings;
    try {
      if (API_KEYS_FILE !== undefined) this.#keys = Keys.open(API_KEYS_FILE, log);
    } catch (cause) {
      throw new SettingsError(`API_KEYS_FILE: ${messageOf(cause)}`, { cause });
    }
    if (TLS_CERT_FILE !== undefined && TLS_KEY_FILE !== undefined) {
      const files = { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE, clientCaFile: TLS_CLIENT_CA_FILE };
      try {
        this.#tls = Tls.open(files, log);
      } catch (cause) {
        throw new SettingsError(messageOf(cause), { cause });
      }
    }
  }

  async #findBeanstalkd(): Promise<Address> {
    const { settings, log, path } = this.#options;
    if (!settings.BEANSTALKD_URL.own) return settings.BEANSTALKD_URL.address;
    const options = { dataDir: settings.DATA_DIR, maxJobSize: settings.BODY_MAX_BYTES, path, log };
    this.#own = await OwnBeanstalkd.start(options, this.#stopping.signal);
    return { path: this.#own.socket };
  }

  /** Calls under way get their answers; a caller that does not take its own cannot hold up the stop. */
  async #closeHttp(app: FastifyInstance): Promise<void> {
    const withinMs = Math.min(this.#options.settings.COMMAND_TIMEOUT_MS + ANSWER_MS, CLOSE_MAX_MS);
    const timer = setTimeout(() => app.server.closeAllConnections(), withinMs);
    await app.close();
    clearTimeout(timer);
  }
}

/** Where `localhost` is two addresses, Fastify makes a second server for one of them, which is not set up like ours. */
const addressOf = (host: string) => (host === 'localhost' ? '127.0.0.1' : host);

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function describe(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

function whyNotListening(error: unknown, { HOST, PORT }: Settings): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `PORT: ${PORT} on ${HOST} is in use by another program`;
    case 'EACCES':
      return `PORT: this user may not listen on ${PORT}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST: ${HOST} is no address of this machine`;
    default:
      return `HOST, PORT: cannot listen on ${HOST} ${PORT}: ${messageOf(error)}`;
  }
}
