import type { FastifyInstance } from 'fastify';
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

type Limits = Parameters<typeof buildApp>[0]['limits'];

/** The gateway on a real port of the loopback, in this process. */
export async function startGateway(
  beanstalkd: Pick<Beanstalkd, 'address'>,
  { pool: poolOptions = {}, limits = {} }: { pool?: Partial<PoolOptions>; limits?: Partial<Limits> } = {},
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
      ...limits,
    },
    version: '0.0.0-test',
    keepaliveDelayMs: 10_000,
    commandTimeoutMs: 5_000,
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
