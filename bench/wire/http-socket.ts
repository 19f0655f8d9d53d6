import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = '\r\n\r\n';
const LENGTH = 'content-length: ';
const NOTHING = Buffer.alloc(0);

/**
 * A keep-alive connection to the gateway, one call at a time, with the least possible work, so that the generator is
 * not the limit. Failures are not handled: they end the program.
 */
export class HttpSocket {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many bytes the answer has, once its head has come. */
  #expected = 0;
  #resolve: ((answer: Answer) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('end', () => {
      throw new Error('the gateway closed a connection');
    });
  }

  static async dial(port: number): Promise<HttpSocket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return new HttpSocket(socket);
  }

  /** Sends a whole request. */
  call(request: Buffer | string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(request);
    });
  }

  /** The same, where only this status is right. */
  async expect(status: number, request: Buffer | string): Promise<Buffer> {
    const answer = await this.call(request);
    if (answer.status !== status)
      throw new Error(`${answer.status} instead of ${status}: ${answer.body.toString('latin1', 0, 500)}`);
    return answer.body;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#expected) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const head = bytes.indexOf(HEAD_END, 0, 'latin1');
    if (head === -1) return;
    const body = head + HEAD_END.length;
    this.#expected = body + contentLength(bytes, head);
    if (this.#bytes < this.#expected) return;
    const resolve = this.#resolve;
    if (resolve === undefined || this.#bytes > this.#expected) throw new Error('an answer to nothing');
    this.#chunks = [];
    this.#bytes = 0;
    this.#expected = 0;
    this.#resolve = undefined;
    resolve({
      status: Number(bytes.toString('latin1', 9, 12)),
      body: body === bytes.length ? NOTHING : bytes.subarray(body),
    });
  }
}

/** 0 where the head has none, as that of a 204. */
function contentLength(bytes: Buffer, head: number): number {
  const at = bytes.indexOf(LENGTH, 0, 'latin1');
  if (at === -1 || at > head) return 0;
  return Number.parseInt(bytes.toString('latin1', at + LENGTH.length, at + LENGTH.length + 12), 10);
}
