import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Place } from '../support/place.ts';

export interface HandAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A caller by hand: it says, reads and leaves as it likes. */
export class HandCaller {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
  }

  /** Reads no more than one buffer full until {@link answer} is called. */
  static async from({ dial }: Pick<Place, 'dial'>, url: string): Promise<HandCaller> {
    const { hostname, port } = new URL(url);
    return new HandCaller(await dial(Number(port), hostname));
  }

  says(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** Resolves when the first bytes of the answer have come. */
  async begun(): Promise<void> {
    await once(this.#socket, 'readable');
  }

  /** The whole answer; undefined when the connection ended before. */
  answer(): Promise<HandAnswer | undefined> {
    return new Promise((resolve) => {
      let received = Buffer.alloc(0);
      this.#socket.once('close', () => resolve(undefined));
      this.#socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const answer = answerIn(received);
        if (answer !== undefined) resolve(answer);
      });
    });
  }

  /** With a FIN, or with a reset. What is still unread in the kernel makes a reset of either. */
  leave(how: 'end' | 'reset' = 'end'): void {
    if (how === 'end') this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

/** Undefined until it is complete. */
function answerIn(received: Buffer): HandAnswer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = received.subarray(end + 4);
  if (body.length < Number(headers.get('content-length') ?? 0)) return undefined;
  return { status: Number(first.split(' ')[1]), headers, body };
}
