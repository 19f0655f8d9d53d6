import type { Address } from '../client/address.ts';
import { Connection } from '../client/connection.ts';
import type { ConnectionOptions } from '../client/connection-options.ts';
import type { BodyMemory } from '../client/decode.ts';
import { unreachable } from '../client/dial.ts';
import { BeanstalkdError, PoolError } from './errors.ts';

const BACKOFF_FIRST_MS = 50;
/** At most this far apart, so that a server that returns is found at once. */
const BACKOFF_MAX_MS = 1_000;

const NOTHING = () => {};

export interface DialerOptions extends Omit<ConnectionOptions, 'onBroken'> {
  readonly address: Address;
  /** Connections at once, all kinds together. */
  readonly maxConnections: number;
}

/**
 * Makes all connections, counts them, and knows whether beanstalkd can be reached. Once a dial has failed,
 * further ones are refused at once, while attempts go on in the background, with back-off and jitter; the
 * first that succeeds opens the way again, and resets the connections on which beanstalkd had fallen silent.
 */
export class Dialer {
  readonly #options: DialerOptions;
  #open = 0;
  #dialing = 0;
  #failure: BeanstalkdError | undefined;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #reconnects = 0;
  #reachedAt = 0;
  readonly #silent = new Set<Connection>();

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  get dialing(): number {
    return this.#dialing;
  }

  /** How often beanstalkd was reached again after it could not be. */
  get reconnects(): number {
    return this.#reconnects;
  }

  get full(): boolean {
    return this.#open + this.#dialing >= this.#options.maxConnections;
  }

  /**
   * Rejects with `UNREACHABLE`: at once while backing off, else within the dial timeout; with `OVERLOADED`
   * when all connections are in use.
   * @param onBroken called when the connection breaks after it was handed over
   * @param memory who grants memory for bodies; the pool's budget unless said otherwise
   */
  async dial(onBroken: (error: BeanstalkdError) => void, memory = this.#options.memory): Promise<Connection> {
    if (this.#closed) throw new PoolError({ code: 'SHUTTING_DOWN' });
    if (this.#failure !== undefined) throw this.#failure;
    if (this.full)
      throw new PoolError({ code: 'OVERLOADED', detail: 'all connections to beanstalkd are in use' });
    this.#dialing += 1;
    try {
      return await this.#connect(onBroken, memory);
    } finally {
      this.#dialing -= 1;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const connection of this.#silent) connection.destroy();
  }

  async #connect(onBroken: (error: BeanstalkdError) => void, memory: BodyMemory): Promise<Connection> {
    const startedAt = performance.now();
    try {
      return await this.#handOver(onBroken, memory);
    } catch (error) {
      // One that began before beanstalkd was reached says nothing of now.
      if (error instanceof BeanstalkdError && startedAt > this.#reachedAt) this.#backOff(error);
      throw error;
    }
  }

  async #handOver(onBroken: (error: BeanstalkdError) => void, memory: BodyMemory): Promise<Connection> {
    let handedOver = false;
    const connection = await Connection.dial(this.#options.address, {
      ...this.#options,
      memory,
      onBroken: (error) => {
        if (!handedOver) return;
        this.#open -= 1;
        onBroken(error);
      },
      onSilent: (silent) => {
        if (handedOver) this.#fellSilent(silent);
      },
    });
    if (connection.broken !== undefined) throw unreachable('broken behind the handshake', connection.broken);
    handedOver = true;
    this.#open += 1;
    this.#reached();
    if (this.#closed) {
      connection.destroy();
      throw new PoolError({ code: 'SHUTTING_DOWN' });
    }
    return connection;
  }

  /** Is it this connection alone, or can beanstalkd not be reached? */
  #fellSilent(connection: Connection): void {
    if (this.#closed) {
      connection.destroy();
      return;
    }
    // Those that the kernel has given up meanwhile.
    for (const former of this.#silent) if (!former.silent) this.#silent.delete(former);
    this.#silent.add(connection);
    if (this.#silent.size === 1 && this.#failure === undefined) this.#attempt();
  }

  /** Before anything else is done: what the silent ones hold is to be ready again. */
  #reached(): void {
    this.#reachedAt = performance.now();
    for (const connection of this.#silent) connection.reset();
    this.#silent.clear();
  }

  #backOff(failure: BeanstalkdError): void {
    if (this.#failure === undefined) this.#attempts = 0;
    this.#failure = failure;
    if (this.#timer === undefined && !this.#closed) this.#scheduleAttempt();
  }

  /**
   * The next attempt does not wait for the one before: on a healed link, the oldest may be deep in TCP's
   * own back-off while a new one succeeds at once.
   */
  #scheduleAttempt(): void {
    const step = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#attempt();
        if (this.#failure !== undefined) this.#scheduleAttempt();
      },
      step * (0.5 + Math.random() / 2),
    );
  }

  #attempt(): void {
    this.#connect(NOTHING, this.#options.memory).then((connection) => {
      connection.destroy();
      this.#up();
    }, NOTHING);
  }

  #up(): void {
    if (this.#failure === undefined || this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#failure = undefined;
    this.#reconnects += 1;
  }
}
