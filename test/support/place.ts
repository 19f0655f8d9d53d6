import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Where a program of a test runs, and how the test reaches it. */
export interface Place {
  /** What it listens on. */
  readonly address: string;
  /** The command that runs another one there; empty for here. */
  readonly inside: readonly string[];
  /** A socket of that place, connected to a port of this address, or of the place itself. */
  dial(port: number, address?: string): Promise<Socket>;
}

export const LOOPBACK: Place = {
  address: '127.0.0.1',
  inside: [],
  dial: async (port, address = '127.0.0.1') => {
    const socket = connect(port, address);
    await once(socket, 'connect');
    return socket;
  },
};
