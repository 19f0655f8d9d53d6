import { onTestFinished } from 'vitest';
import type { Address } from '../../src/client/address.ts';
import { Connection } from '../../src/client/connection.ts';
import type { ConnectionOptions } from '../../src/client/connection-options.ts';
import type { BodyMemory } from '../../src/client/decode.ts';

/** Refuses what goes beyond `max`, and knows what has not been given back. */
export class CountedMemory implements BodyMemory {
  readonly #max: number;
  used = 0;

  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  take(bytes: number): boolean {
    if (this.used + bytes > this.#max) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

export const connectionOptions = (options: Partial<ConnectionOptions> = {}): ConnectionOptions => ({
  connectTimeoutMs: 5_000,
  commandTimeoutMs: 5_000,
  keepaliveDelayMs: 10_000,
  memory: new CountedMemory(),
  ...options,
});

/** Closed when the test is over. */
export async function connectionTo(
  address: Address,
  options?: Partial<ConnectionOptions>,
): Promise<Connection> {
  const connection = await Connection.dial(address, connectionOptions(options));
  onTestFinished(() => connection.destroy());
  return connection;
}
