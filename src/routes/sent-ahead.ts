import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { App } from './context.ts';
import { isClosing, lingerWhenAnswered } from './linger.ts';

/** Of one connection, behind the one that is answered next. */
const AT_ONCE = 32;
/** Beyond so many that wait their turn no more is read. Meanwhile nobody would notice that their caller leaves. */
const WAITING_MAX = 1_024;
/** The same for their heads, which may have 80 KiB each. */
const WAITING_HEAD_BYTES = 1_048_576;

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
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const { socket, headers } = raw;
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
    if (ahead.underWay < AT_ONCE) {
      start();
      return;
    }
    const bytes = socket.writableHighWaterMark * shareOf(raw);
    countAsUnwritten(answer, bytes);
    ahead.waiting.push(() => {
      countAsUnwritten(answer, -bytes);
      start();
    });
  });
}

/** Of what may wait on one connection. */
function shareOf({ url = '', rawHeaders }: IncomingMessage): number {
  const headBytes = rawHeaders.reduce((sum, part) => sum + part.length, url.length);
  return Math.max(1 / WAITING_MAX, headBytes / WAITING_HEAD_BYTES);
}

/**
 * Node reads no further from a connection whose answers have kept more than its high-water mark unwritten, until they
 * have less. A request that waits its turn has no answer yet, but takes memory all the same.
 */
function countAsUnwritten(answer: ServerResponse, bytes: number): void {
  const count: unknown = Reflect.get(answer, '_onPendingData');
  if (typeof count === 'function') Reflect.apply(count, answer, [bytes]);
}
