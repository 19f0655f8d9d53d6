import type { Socket } from 'node:net';
import type { App } from './context.ts';
import { isClosing, lingerWhenAnswered } from './linger.ts';

/** Of one connection, behind the one that is answered next. */
const AT_ONCE = 32;

interface Ahead {
  underWay: number;
  readonly waiting: (() => void)[];
}

/**
 * Bounds what one connection can have carried out at once. Node hands over every request that was sent ahead as
 * soon as it is read, a thousand and more of them from 64 KiB, and each answer is kept until those before it have
 * left: beyond a few, they wait their turn. None is carried out behind an answer that closes the connection
 * (RFC 9112, section 9.6).
 */
export function limitSentAhead(app: App): void {
  const connections = new WeakMap<Socket, Ahead>();
  /** Those whose last request has come, though its answer is not known yet. */
  const ending = new WeakSet<Socket>();
  app.addHook('onRequest', ({ raw: { socket, headers } }, reply, done) => {
    if (isClosing(socket) || ending.has(socket)) return;
    if (headers.upgrade !== undefined) {
      // It is answered like any other, but Node loses what was sent together with it.
      reply.header('connection', 'close');
      ending.add(socket);
      lingerWhenAnswered(socket);
    }
    const answer = reply.raw;
    // Node gives an answer its socket when it is the next to be written: the usual case.
    if (answer.socket !== null) {
      done();
      return;
    }
    const ahead = connections.get(socket) ?? { underWay: 0, waiting: [] };
    connections.set(socket, ahead);
    const start = () => {
      ahead.underWay += 1;
      if (!isClosing(socket)) done();
    };
    answer.once('socket', () => {
      ahead.underWay -= 1;
      ahead.waiting.shift()?.();
    });
    if (ahead.underWay < AT_ONCE) start();
    else ahead.waiting.push(start);
  });
}
