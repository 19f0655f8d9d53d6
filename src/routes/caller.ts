import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Presence } from '../pool/caller.ts';

/**
 * The caller at the other end of a request: whether it is still there, and whether it got its answer.
 * It watches the socket, since Node tells the request nothing once its body was read, and the answer nothing
 * while an earlier one on the same connection is still being written.
 */
export class Caller implements Presence {
  /** Told when the caller goes away. */
  waiting: Presence['waiting'];
  #gone = false;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #onClose = () => this.#left();
  #onOver: ((delivered: boolean) => void) | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#request = request;
    this.#reply = reply;
    const { socket } = request.raw;
    if (socket.destroyed) this.#gone = true;
    else socket.on('close', this.#onClose);
  }

  get gone(): boolean {
    return this.#gone;
  }

  /**
   * To be called right before the answer is sent. `onOver` is called once: with true when all of the
   * answer was handed to the kernel, with false when that will not happen any more.
   */
  answering(onOver: (delivered: boolean) => void): void {
    if (this.gone) {
      onOver(false);
      return;
    }
    this.#onOver = onOver;
    // Node reports a write that failed as finished too, often before it destroys the socket.
    const { socket } = this.#request.raw;
    this.#reply.raw.once('finish', () => this.#over(!socket.destroyed && socket.errored === null));
  }

  /** Stops watching; for an answer whose delivery does not matter. */
  forget(): void {
    this.#request.raw.socket.off('close', this.#onClose);
  }

  #left(): void {
    this.#gone = true;
    this.waiting?.leave();
    this.#over(false);
  }

  #over(delivered: boolean): void {
    this.forget();
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver?.(delivered);
  }
}
