/*
 * Writes openapi/openapi.yaml from the schemas of the routes. With --check it writes nothing, and fails when
 * the file differs. It needs no beanstalkd.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { buildApp } from '../src/app.ts';
import { Pool } from '../src/pool/pool.ts';
import { toYaml } from '../src/routes/openapi-document.ts';
import { readVersion } from '../src/version.ts';

const FILE = new URL('../openapi/openapi.yaml', import.meta.url);

const written = await makeDocument();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, written);
} else if (written !== readIfThere(FILE)) {
  console.error('openapi/openapi.yaml differs from the routes: run npm run openapi');
  process.exitCode = 1;
}

/** The document with the defaults of API.md's settings, which some descriptions and bounds name. */
async function makeDocument(): Promise<string> {
  const pool = new Pool({
    address: { host: '127.0.0.1', port: 1 },
    connectTimeoutMs: 1_000,
    commandTimeoutMs: 1_000,
    keepaliveDelayMs: 10_000,
    reserveGraceMs: 2_000,
    reserveSlice: 15,
    maxConnections: 1,
    reservationsMax: 1,
    bufferMaxBytes: 1,
    responseMaxBytes: 1,
    waitersMax: 1,
  });
  const app = await buildApp({
    pool,
    logger: false,
    logRequests: 'none',
    audit: pino({ level: 'silent' }),
    admission: {
      keys: undefined,
      openMetrics: false,
      openDocs: false,
      waitsPerKey: 0,
      reservationsPerKey: 0,
    },
    rates: { perAddress: 0, perKey: 0 },
    connectionsMax: 1,
    trustProxy: [],
    corsOrigins: undefined,
    metricsPort: undefined,
    tls: undefined,
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
    },
    version: readVersion(),
    keepaliveDelayMs: 10_000,
    commandTimeoutMs: 5_000,
  });
  const document = toYaml(app.swagger());
  await app.close();
  await pool.close();
  return document;
}

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
