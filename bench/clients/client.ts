import type { Run } from '../run.ts';

/** A client of beanstalkd, used as fast as it can be with so many commands in flight, in the tube `default`. */
export interface Client {
  /** Puts jobs of 100 bytes. */
  put(run: Run): Promise<unknown>;
  /** Reserves without waiting, and deletes what came. */
  work(run: Run): Promise<unknown>;
}

export type OpenClient = (port: number, inFlight: number) => Promise<Client>;
