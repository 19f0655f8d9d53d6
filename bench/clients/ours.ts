import { deleteJob, put, reserveWithTimeout } from '../../src/client/commands.ts';
import { Connection } from '../../src/client/connection.ts';
import { chain } from '../run.ts';
import { BODY, LONG_TTR } from '../wire/load.ts';
import type { OpenClient } from './client.ts';

/** As the gateway has them, but for the memory: to bound it is not the client's work. */
const OPTIONS = {
  connectTimeoutMs: 5_000,
  commandTimeoutMs: 5_000,
  keepaliveDelayMs: 10_000,
  memory: { take: () => true, give: () => {} },
};

const TUBE = 'default';
const TUBES = [TUBE];

/** Pipelined on one connection. */
export const openOurs: OpenClient = async (port, inFlight) => {
  const connection = await Connection.dial({ host: '127.0.0.1', port }, OPTIONS);
  const chains = Array.from({ length: inFlight });
  const job = { priority: 1024, delay: 0, ttr: LONG_TTR, body: Buffer.from(BODY) };

  const putOne = async () => {
    const reply = await connection.execute(put(TUBE, job));
    return reply.name === 'INSERTED' ? 1 : 0;
  };
  const workOne = async () => {
    const reply = await connection.execute(reserveWithTimeout(TUBES, 0));
    if (reply.name !== 'RESERVED') return 0;
    const ending = await connection.execute(deleteJob(reply.id));
    return ending.name === 'DELETED' ? 1 : 0;
  };
  return {
    put: (run) => Promise.all(chains.map(() => chain(run, putOne))),
    work: (run) => Promise.all(chains.map(() => chain(run, workOne))),
  };
};
