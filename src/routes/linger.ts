import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const LINGER_MS = 1_000;

const closing = new WeakSet<Duplex>();

/**
 * Closes the connection in two steps (RFC 9112, section 9.6): no more is written, but what the caller still
 * sends is read and dropped for a moment. Closed at once with bytes unread, the connection would be reset, and
 * the caller would lose the answer that says why. Then it is destroyed, whether or not the caller closes too.
 */
export function linger(socket: Duplex): void {
  closing.add(socket);
  // Away from Node's parser, which would carry out what comes behind.
  socket.removeAllListeners('data').on('data', () => {});
  socket.resume();
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** Lets the connection be closed so behind the answer that is about to be sent. */
export function lingerOnClose(socket: Socket): void {
  closing.add(socket);
  lingerWhenAnswered(socket);
}

/** The same where that answer is not known yet: until then, what comes still counts as its request's. */
export function lingerWhenAnswered(socket: Socket): void {
  socket.destroySoon = () => linger(socket);
}

/** The last answer on this connection has been chosen: nothing behind it counts any more. */
export const isClosing = (socket: Duplex): boolean => closing.has(socket);
