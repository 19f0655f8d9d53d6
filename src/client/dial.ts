import { connect, type Socket } from 'node:net';
import type { Address } from './address.ts';
import { BeanstalkdError } from './errors.ts';
import { lookUp } from './look-up.ts';

export interface DialOptions {
  /** Milliseconds for the dial and the handshake together. */
  readonly connectTimeoutMs: number;
  /** Milliseconds of idleness before TCP keepalive probes, where Node makes the kernel's 2 hours of less than 1000. */
  readonly keepaliveDelayMs: number;
}

/** A connected socket, without a handshake. Rejects with `UNREACHABLE`. */
export function dial(address: Address, options: DialOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...address,
      lookup: lookUp,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.keepaliveDelayMs,
    });
    const fail = (why: string, cause?: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      reject(unreachable(why, cause));
    };
    // Covers the look-up of the name as well, which has no timeout of its own (BEANSTALKD.md, section 6).
    const timer = setTimeout(
      () => fail(`no connection in ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
    // Stays: until the connection listens as well, nobody else would.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.message || (error.code ?? 'refused'), error),
    );
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

export const unreachable = (why: string, cause?: unknown) =>
  new BeanstalkdError('UNREACHABLE', 'none', why, { cause });
