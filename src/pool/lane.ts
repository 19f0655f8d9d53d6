import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from '../client/commands.ts';
import type { Connection } from '../client/connection.ts';
import type { ReplyName, ReplyOf } from '../client/decode.ts';
import type { Dialer } from './dialer.ts';

const QUIT_MAX_MS = 2_000;

/**
 * One connection that many callers share: their commands are pipelined, in the order in which they came.
 * Dialled when it is first needed, and again after it broke.
 */
export class Lane {
  readonly #dialer: Dialer;
  #connection: Connection | undefined;
  #dialing: Promise<Connection> | undefined;
  #usedAt = 0;

  constructor(dialer: Dialer) {
    this.#dialer = dialer;
  }

  get open(): boolean {
    return this.#connection !== undefined;
  }

  get underWay(): number {
    return this.#connection?.underWay ?? 0;
  }

  get queued(): number {
    return this.#connection?.queued ?? 0;
  }

  execute<N extends ReplyName>(command: Command<N>): Promise<ReplyOf<N>> {
    this.#usedAt = performance.now();
    return this.#connection === undefined
      ? this.#dial().then((connection) => connection.execute(command))
      : this.#connection.execute(command);
  }

  closeWhenIdleSince(moment: number): void {
    const connection = this.#connection;
    if (connection === undefined || this.#usedAt > moment || connection.underWay > 0) return;
    this.#connection = undefined;
    connection.destroy();
  }

  /** What is under way may come to its end, but holds up no stop. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await Promise.race([connection?.quit(), delay(QUIT_MAX_MS, undefined, { ref: false })]);
    connection?.destroy();
  }

  #dial(): Promise<Connection> {
    this.#dialing ??= this.#dialer
      .dial(() => {
        this.#connection = undefined;
      })
      .then((connection) => {
        if (connection.broken === undefined) this.#connection = connection;
        return connection;
      })
      .finally(() => {
        this.#dialing = undefined;
      });
    return this.#dialing;
  }
}
