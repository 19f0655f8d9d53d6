import type { Address } from '../../src/client/address.ts';
import { Pool, type PoolOptions } from '../../src/pool/pool.ts';

export const poolFor = (address: Address, options: Partial<PoolOptions> = {}): Pool =>
  new Pool({
    address,
    connectTimeoutMs: 5_000,
    commandTimeoutMs: 5_000,
    keepaliveDelayMs: 10_000,
    reserveGraceMs: 2_000,
    reserveSlice: 15,
    maxConnections: 256,
    reservationsMax: 50_000,
    bufferMaxBytes: 268_435_456,
    responseMaxBytes: 16_777_216,
    waitersMax: 20_000,
    ...options,
  });
