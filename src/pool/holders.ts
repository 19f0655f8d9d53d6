import { unsent } from '../client/failures.ts';
import type { BodyBudget } from './body-budget.ts';
import type { Dialer } from './dialer.ts';
import { type HeldObserver, Holder } from './holder.ts';

const IDLE_MS = 10_000;

export interface HoldersOptions {
  readonly dialer: Dialer;
  readonly bodies: BodyBudget;
  /** Connections that may hold, wait or idle, together. */
  readonly max: number;
  readonly observer: HeldObserver & { lost(holder: Holder): void };
}

/** The connections that reserve: which one holds, which one waits, and when there are too few. */
export class Holders {
  readonly #options: HoldersOptions;
  readonly #holders = new Set<Holder>();
  #dialing = 0;
  /** Takes go to the same connection while it takes them: what is held stays together. */
  #current: Holder | undefined;
  #dialForTaking: Promise<Holder> | undefined;

  constructor(options: HoldersOptions) {
    this.#options = options;
  }

  *[Symbol.iterator](): Iterator<Holder> {
    yield* this.#holders;
  }

  /** A connection that may reserve without waiting; undefined when there is none and none more is allowed. */
  forTaking(): Holder | Promise<Holder> | undefined {
    if (this.#current?.canTake === true) return this.#current;
    for (const holder of this.#holders) {
      if (holder.canTake) {
        this.#current = holder;
        return holder;
      }
    }
    if (this.#dialForTaking !== undefined) return this.#dialForTaking;
    if (this.#full) return undefined;
    this.#dialForTaking = this.#dial().finally(() => {
      this.#dialForTaking = undefined;
    });
    return this.#dialForTaking;
  }

  /**
   * An idle connection, claimed for waiting; undefined when there is none to spare: one that does not wait is
   * always kept, or nobody could be told that nothing is there.
   */
  forWaiting(): Holder | Promise<Holder> | undefined {
    let idle: Holder | undefined;
    let notWaiting = 0;
    for (const holder of this.#holders) {
      if (!holder.waiting) notWaiting += 1;
      if (holder.idle && (idle === undefined || idle === this.#current)) idle = holder;
    }
    if (idle !== undefined && (notWaiting > 1 || !this.#full)) {
      idle.claimForWaiting();
      return idle;
    }
    const free = this.#options.max - this.#holders.size - this.#dialing;
    if (free < (notWaiting > 0 ? 1 : 2)) return undefined;
    return this.#dial((holder) => holder.claimForWaiting());
  }

  closeIdle(): void {
    const moment = performance.now() - IDLE_MS;
    for (const holder of this.#holders) if (holder.idleSince() < moment) holder.close();
  }

  close(): void {
    for (const holder of this.#holders) holder.close();
  }

  get #full(): boolean {
    return this.#holders.size + this.#dialing >= this.#options.max || this.#options.dialer.full;
  }

  async #dial(claim?: (holder: Holder) => void): Promise<Holder> {
    this.#dialing += 1;
    try {
      let holder: Holder | undefined;
      const connection = await this.#options.dialer.dial(() => {
        if (holder !== undefined) this.#lost(holder);
      });
      holder = new Holder(connection, this.#options.bodies, this.#options.observer);
      if (connection.broken !== undefined) throw unsent(connection.broken);
      this.#holders.add(holder);
      claim?.(holder);
      return holder;
    } finally {
      this.#dialing -= 1;
    }
  }

  #lost(holder: Holder): void {
    this.#holders.delete(holder);
    if (this.#current === holder) this.#current = undefined;
    this.#options.observer.lost(holder);
  }
}
