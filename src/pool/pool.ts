import type { Address } from '../client/address.ts';
import type { CommandObserver } from '../client/connection-options.ts';
import { BodyBudget } from './body-budget.ts';
import { Dialer } from './dialer.ts';
import { Holders } from './holders.ts';
import { Jobs } from './jobs.ts';
import { Lanes } from './lanes.ts';
import { Reservations } from './reservations.ts';
import { Reserving } from './reserving.ts';
import { Server } from './server.ts';
import { Tubes } from './tubes.ts';

/** Connections kept for the shared lanes, and one for a clear. */
const LANES_SHARE = 4;

export interface PoolOptions {
  readonly address: Address;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly keepaliveDelayMs: number;
  readonly reserveGraceMs: number;
  /** Seconds. */
  readonly reserveSlice: number;
  readonly maxConnections: number;
  readonly reservationsMax: number;
  readonly bufferMaxBytes: number;
  readonly responseMaxBytes: number;
  readonly waitersMax: number;
}

/** The pool's figures of this moment. */
export interface PoolSnapshot {
  readonly connections: {
    readonly lane: number;
    readonly waiting: number;
    readonly holding: number;
    readonly idle: number;
    readonly dialing: number;
  };
  readonly waiters: number;
  readonly reservations: number;
  readonly endings: number;
  readonly bodyBytes: number;
  readonly commandsInFlight: number;
  readonly commandsQueued: number;
  readonly reconnects: number;
  readonly pokes: number;
}

/** Everything that one beanstalkd is used for, over many connections. */
export class Pool {
  readonly bodies: BodyBudget;
  readonly jobs: Jobs;
  readonly tubes: Tubes;
  readonly reserving: Reserving;
  readonly reservations: Reservations;
  readonly server: Server;
  /** Told of every command that is over. */
  onCommand: CommandObserver | undefined;
  readonly #dialer: Dialer;
  readonly #lanes: Lanes;
  readonly #holders: Holders;
  #stopping = false;

  constructor(options: PoolOptions) {
    this.bodies = new BodyBudget(options.bufferMaxBytes);
    this.#dialer = new Dialer({
      ...options,
      memory: this.bodies,
      onCommand: (name, seconds, ok) => this.onCommand?.(name, seconds, ok),
    });
    this.#lanes = new Lanes(this.#dialer);
    this.reservations = new Reservations({
      max: options.reservationsMax,
      commandTimeoutMs: options.commandTimeoutMs,
      bodies: this.bodies,
    });
    this.#holders = new Holders({
      dialer: this.#dialer,
      bodies: this.bodies,
      max: Math.max(1, options.maxConnections - LANES_SHARE),
      observer: this.reservations,
    });
    this.server = new Server(this.#lanes, () => {
      this.#lanes.closeIdle();
      this.#holders.closeIdle();
    });
    this.jobs = new Jobs(this.#lanes);
    this.tubes = new Tubes(this.#lanes, this.#dialer, this.bodies);
    this.reserving = new Reserving({
      ...options,
      holders: this.#holders,
      reservations: this.reservations,
      server: this.server,
    });
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Those who wait are answered empty, new work is refused; settling goes on. */
  beginStop(): void {
    this.#stopping = true;
    this.#lanes.beginStop();
    this.reserving.beginStop();
  }

  /** Resolves when nothing is held any more, at the latest after `graceMs`. */
  async idle(graceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.reservations.whenEmpty(), grace]);
    clearTimeout(timer);
  }

  /** Closes all connections: what is held is ready again. */
  async close(): Promise<void> {
    this.beginStop();
    this.server.close();
    this.reserving.close();
    this.reservations.close();
    // First: what is being dialled now would be kept by nobody.
    this.#dialer.close();
    this.#holders.close();
    await this.#lanes.close();
  }

  snapshot(): PoolSnapshot {
    const holders = [...this.#holders];
    const count = (kind: 'waiting' | 'idle') => holders.filter((holder) => holder[kind]).length;
    const waiting = count('waiting');
    const idle = count('idle');
    return {
      connections: {
        lane: this.#lanes.open,
        waiting,
        holding: holders.length - waiting - idle,
        idle,
        dialing: this.#dialer.dialing,
      },
      waiters: this.reserving.waiters,
      reservations: this.reservations.size,
      endings: this.reservations.endings,
      bodyBytes: this.bodies.used,
      commandsInFlight: holders.reduce((sum, holder) => sum + holder.underWay, this.#lanes.underWay),
      commandsQueued: this.#lanes.queued,
      reconnects: this.#dialer.reconnects,
      pokes: this.reservations.pokes,
    };
  }
}
