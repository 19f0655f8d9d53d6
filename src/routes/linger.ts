import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const LINGER_MS = 1_000;

const lingering = new WeakSet<Duplex>();

/**
 * Closes the connection after its answer in two steps (RFC 9112, section 9.6): no more is written, but what
 * the caller still sends is read and dropped for a moment. Closed at once with bytes unread, the connection
 * would be reset, and the caller would lose the answer that says why its upload was refused.
 */
export function lingerOnClose(socket: Socket): void {
  socket.destroySoon = () => {
    lingering.add(socket);
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

/** Node's parser goes on reading, and finds no HTTP in the rest of a body: nothing to answer. */
export const isLingering = (socket: Duplex): boolean => lingering.has(socket);
