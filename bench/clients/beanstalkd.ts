import beanstalkd from 'beanstalkd';
import { chain } from '../run.ts';
import { BODY, LONG_TTR } from '../wire/load.ts';
import type { OpenClient } from './client.ts';

/** It keeps a command back until the one before is answered, so each in flight has a connection of its own. */
export const openBeanstalkd: OpenClient = async (port, inFlight) => {
  const connect = () => new beanstalkd.default('127.0.0.1', port).connect();
  const clients = await Promise.all(Array.from({ length: inFlight }, connect));
  type Connected = (typeof clients)[number];

  const putOne = async (client: Connected) => {
    await client.put(1024, 0, LONG_TTR, BODY);
    return 1;
  };
  const workOne = async (client: Connected) => {
    try {
      const [id] = await client.reserveWithTimeout(0);
      await client.delete(id);
      return 1;
    } catch (error) {
      if (error instanceof Error && error.message === 'TIMED_OUT') return 0;
      throw error;
    }
  };
  return {
    put: (run) => Promise.all(clients.map((client) => chain(run, () => putOne(client)))),
    work: (run) => Promise.all(clients.map((client) => chain(run, () => workOne(client)))),
  };
};
