import type { Server } from 'node:http';
import type { Socket } from 'node:net';

interface ConnectionBounds {
  /** Connections at once. One more is accepted and closed without a word. */
  readonly max: number;
  /** In milliseconds: an answer that makes no progress towards its caller for so long is given up, and its memory freed. */
  readonly answerStallMs: number;
  /** In milliseconds: how often it is looked how far they have got, so that giving up may take so much longer. */
  readonly stallCheckEveryMs: number;
}

/** How far the answers on a connection had got, and at how many looks they have been no further. */
interface Progress {
  taken: number;
  looks: number;
}

/** Bounds what callers may take by being many, or by not reading their answers. */
export function watchConnections(server: Server, bounds: ConnectionBounds): void {
  const { max, answerStallMs, stallCheckEveryMs } = bounds;
  server.maxConnections = max;
  const open = new Map<Socket, Progress>();
  server.on('connection', (socket: Socket) => {
    open.set(socket, { taken: 0, looks: 0 });
    socket.once('close', () => open.delete(socket));
  });
  // Looks are counted and no time is taken: it may be this process that has stood still.
  const patience = Math.ceil(answerStallMs / stallCheckEveryMs);
  const looking = setInterval(() => {
    for (const [socket, progress] of open) {
      const taken = takenIfAnyIsLeft(socket);
      progress.looks = taken !== undefined && taken === progress.taken ? progress.looks + 1 : 0;
      progress.taken = taken ?? 0;
      // Closed in the usual way, the kernel would keep its part of the answer for minutes.
      if (progress.looks >= patience) socket.resetAndDestroy();
    }
  }, stallCheckEveryMs).unref();
  server.once('close', () => clearInterval(looking));
}

/**
 * The bytes that the kernel has taken, or undefined where it has taken all. Node's own timer of a socket asks the same
 * of the same handle, but over TLS of the one above, which knows no progress within a write, however large.
 */
function takenIfAnyIsLeft(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return undefined;
  const left: unknown = Reflect.get(handle, 'writeQueueSize');
  if (typeof left !== 'number' || left === 0) return undefined;
  return Number(Reflect.get(handle, 'bytesWritten')) - left;
}
