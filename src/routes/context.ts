import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Put } from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';
import type { FirstResults } from './first-results.ts';
import type { PutResult } from './schemas/batch.ts';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Limits {
  /** A job's body; beanstalkd's own limit where that is smaller. */
  readonly bodyMaxBytes: number;
  readonly bufferMaxBytes: number;
  readonly responseMaxBytes: number;
  readonly batchMax: number;
  /** Seconds. */
  readonly reserveTimeoutMax: number;
  readonly reserveGraceMs: number;
  readonly metricsTubesMax: number;
  /** Seconds. */
  readonly idempotencyTtl: number;
  readonly idempotencyMax: number;
}

/** What the routes work with. */
export interface Context {
  readonly pool: Pool;
  readonly limits: Limits;
  readonly firstPuts: FirstResults<Put>;
  readonly firstBatches: FirstResults<readonly PutResult[]>;
  readonly version: string;
  /** Random for each life of the process. */
  readonly instance: string;
  readonly commandTimeoutMs: number;
  /** Why the gateway's own beanstalkd does not run, where it has one and knows. */
  readonly beanstalkdFailure: () => string | undefined;
}
