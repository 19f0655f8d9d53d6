import type { Dialer } from './dialer.ts';
import { PoolError } from './errors.ts';
import { Lane } from './lane.ts';

/** Larger bodies have a lane of their own, so that no small put queues behind one. Bytes. */
const BULK_FROM_BYTES = 262_144;
const IDLE_MS = 30_000;

/** The shared lanes. Connections that they may need are kept free for them: see `LANES_SHARE`. */
export class Lanes {
  readonly #commands: Lane;
  readonly #bulk: Lane;
  readonly #looking: Lane;
  #stopping = false;

  constructor(dialer: Dialer) {
    this.#commands = new Lane(dialer);
    this.#bulk = new Lane(dialer);
    this.#looking = new Lane(dialer);
  }

  /** For a put of so many bytes. Throws `SHUTTING_DOWN`. */
  forPut(bytes: number): Lane {
    this.#refuseWhenStopping();
    return bytes > BULK_FROM_BYTES ? this.#bulk : this.#commands;
  }

  /** For short commands that change something. Throws `SHUTTING_DOWN`. */
  forChange(): Lane {
    this.#refuseWhenStopping();
    return this.#commands;
  }

  /** For what may be long: statistics, listings, peeks. */
  get forLooking(): Lane {
    return this.#looking;
  }

  /** For the probe, which is to fail when the puts would. */
  get forProbe(): Lane {
    return this.#commands;
  }

  get open(): number {
    return this.#all.filter((lane) => lane.open).length;
  }

  get underWay(): number {
    return this.#all.reduce((sum, lane) => sum + lane.underWay, 0);
  }

  get queued(): number {
    return this.#all.reduce((sum, lane) => sum + lane.queued, 0);
  }

  closeIdle(): void {
    for (const lane of this.#all) lane.closeWhenIdleSince(performance.now() - IDLE_MS);
  }

  beginStop(): void {
    this.#stopping = true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((lane) => lane.close()));
  }

  get #all(): Lane[] {
    return [this.#commands, this.#bulk, this.#looking];
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new PoolError({ code: 'SHUTTING_DOWN' });
  }
}
