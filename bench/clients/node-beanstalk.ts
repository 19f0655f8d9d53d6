import { Client } from 'node-beanstalk';
import { chain } from '../run.ts';
import { BODY, LONG_TTR } from '../wire/load.ts';
import type { OpenClient } from './client.ts';

/** It writes JSON unless told otherwise. */
const AS_IT_IS = {
  serialize: (payload: unknown) => Buffer.from(String(payload)),
  deserialize: (payload: Buffer) => payload,
};

/** One command at a time on a connection, so each in flight has a client, as its pool would lend it, for good. */
export const openNodeBeanstalk: OpenClient = async (port, inFlight) => {
  const connect = async () => {
    const client = new Client({ host: '127.0.0.1', port, serializer: AS_IT_IS });
    await client.connect();
    return client;
  };
  const clients = await Promise.all(Array.from({ length: inFlight }, connect));

  const putOne = async (client: Client) => {
    await client.put(BODY, LONG_TTR, 1024, 0);
    return 1;
  };
  const workOne = async (client: Client) => {
    const job = await client.reserveWithTimeout(0);
    return job !== null && (await client.delete(job.id)) ? 1 : 0;
  };
  return {
    put: (run) => Promise.all(clients.map((client) => chain(run, () => putOne(client)))),
    work: (run) => Promise.all(clients.map((client) => chain(run, () => workOne(client)))),
  };
};
