import { createRequire } from 'node:module';
import type { JackdClient } from 'jackd';
import { chain } from '../run.ts';
import { BODY, LONG_TTR } from '../wire/load.ts';
import type { OpenClient } from './client.ts';

// Its types name a default export that the module does not have.
const Jackd: typeof JackdClient = createRequire(import.meta.url)('jackd');

const OPTIONS = { priority: 1024, ttr: LONG_TTR };

/**
 * Puts are pipelined on one connection, which is faster than a connection for each. A reserve cannot be: it takes all
 * that came behind its body for part of the body.
 */
export const openJackd: OpenClient = async (port, inFlight) => {
  const connect = () => new Jackd().connect({ host: '127.0.0.1', port });
  const producer = await connect();
  const workers = await Promise.all(Array.from({ length: inFlight }, connect));

  const putOne = async () => {
    await producer.put(BODY, OPTIONS);
    return 1;
  };
  const workOne = async (client: JackdClient) => {
    try {
      const { id } = await client.reserveWithTimeout(0);
      await client.delete(id);
      return 1;
    } catch (error) {
      if (error instanceof Error && error.message === 'TIMED_OUT') return 0;
      throw error;
    }
  };
  return {
    put: (run) => Promise.all(workers.map(() => chain(run, putOne))),
    work: (run) => Promise.all(workers.map((client) => chain(run, () => workOne(client)))),
  };
};
