import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Answer } from '../routes/contract.ts';
import { AnswerReader } from './answer-reader.ts';

/** Whatever a caller asks, it is not left without a word for so long. */
const SILENCE_MAX_MS = 60_000;

interface Asking {
  readonly toHead: boolean;
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: Error) => void;
}

/** One connection to the gateway. What is asked on it is sent at once, and answered in that order. */
export class Caller {
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  readonly #asking: Asking[] = [];
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => this.#end(error));
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.setTimeout(SILENCE_MAX_MS, () => {
      if (this.underWay > 0) socket.destroy(new Error(`no answer in ${SILENCE_MAX_MS} ms`));
    });
    socket.on('close', () => this.#end(new Error('the connection was closed before the answer')));
  }

  static async to(port: number): Promise<Caller> {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    return new Caller(socket);
  }

  get underWay(): number {
    return this.#asking.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Rejects when the connection ends before, or with what is no answer. */
  ask(bytes: Buffer, toHead: boolean): Promise<Answer> {
    return new Promise((answered, failed) => {
      if (this.#closed) {
        failed(new Error('the connection is closed'));
        return;
      }
      this.#asking.push({ toHead, answered, failed });
      this.#socket.write(bytes);
    });
  }

  /** Everything that comes for these bytes until the gateway closes the connection. */
  async exchange(bytes: Buffer): Promise<readonly Answer[]> {
    const first = await this.ask(bytes, false);
    if (!this.#closed) await once(this.#socket, 'close');
    const answers = [first];
    for (let next = this.#reader.take(false); next !== undefined; next = this.#reader.take(false))
      answers.push(next);
    if (this.#reader.rest !== '') throw new Error(`half an answer: ${JSON.stringify(this.#reader.rest)}`);
    return answers;
  }

  /** Throws when something came that nobody had asked for. */
  leave(): void {
    this.#socket.destroy();
    if (this.#reader.rest !== '')
      throw new Error(`one answer too many: ${JSON.stringify(this.#reader.rest)}`);
  }

  #read(bytes: Buffer): void {
    this.#reader.push(bytes);
    try {
      for (let [asking] = this.#asking; asking !== undefined; [asking] = this.#asking) {
        const answer = this.#reader.take(asking.toHead);
        if (answer === undefined) return;
        this.#asking.shift();
        asking.answered(answer);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      this.#socket.destroy();
    }
  }

  #end(error: Error): void {
    this.#closed = true;
    for (const { failed } of this.#asking.splice(0)) failed(error);
  }
}
