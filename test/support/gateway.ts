import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { buildApp } from '../../src/app.ts';
import type { Pool, PoolOptions } from '../../src/pool/pool.ts';
import type { Beanstalkd } from './beanstalkd.ts';
import { poolFor } from './pool.ts';

export interface TestGateway {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly pool: Pool;
  stop(): Promise<void>;
}

type AppOptions = Parameters<typeof buildApp>[0];

export interface TestGatewayOptions {
  readonly pool?: Partial<PoolOptions>;
  readonly limits?: Partial<AppOptions['limits']>;
  readonly connectionsMax?: number;
  readonly timeouts?: NonNullable<AppOptions['timeouts']>;
  /** Whatever else is to be different. */
  readonly app?: Partial<AppOptions>;
}

/** What the process is started with where nothing else is set. */
const OPEN_TO_ALL = {
  audit: pino({ level: 'silent' }),
  admission: {
    keys: undefined,
    openMetrics: false,
    openDocs: false,
    waitsPerKey: 0,
    reservationsPerKey: 0,
  },
  rates: { perAddress: 0, perKey: 0 },
  trustProxy: [],
  corsOrigins: undefined,
  metricsPort: undefined,
  tls: undefined,
} as const;

/** The gateway on a real port of the loopback, in this process. */
export async function startGateway(
  beanstalkd: Pick<Beanstalkd, 'address'>,
  {
    pool: poolOptions = {},
    limits = {},
    connectionsMax = 20_000,
    timeouts = {},
    app: different = {},
  }: TestGatewayOptions = {},
): Promise<TestGateway> {
  const pool = poolFor(beanstalkd.address, poolOptions);
  const app = await buildApp({
    pool,
    logger: false,
    logRequests: 'none',
    limits: {
      bodyMaxBytes: 16_777_216,
      bufferMaxBytes: 268_435_456,
      responseMaxBytes: 16_777_216,
      batchMax: 1_000,
      reserveTimeoutMax: 300,
      reserveGraceMs: 2_000,
      metricsTubesMax: 200,
      idempotencyTtl: 600,
      idempotencyMax: 100_000,
      ...limits,
    },
    version: '0.0.0-test',
    keepaliveDelayMs: 10_000,
    commandTimeoutMs: 5_000,
    connectionsMax,
    timeouts,
    checkAnswers: true,
    ...OPEN_TO_ALL,
    ...different,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    app,
    pool,
    stop: async () => {
      pool.beginStop();
      app.server.closeAllConnections();
      await app.close();
      await pool.close();
    },
  };
}
