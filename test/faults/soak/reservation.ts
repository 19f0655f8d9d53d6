import type { Violations } from './violations.ts';

/** How a worker ends a reservation, with its parameters: the same text is the same ending. */
export type Ending = 'delete' | 'bury' | `release ${number}`;

/** What a worker was told of a settle or a touch. `over`: 410 and its reason, or 404. */
export type Verdict =
  | { readonly is: 'done' | 'none' | 'unknown' }
  | { readonly is: 'over'; readonly reason: string };

/** The reason that a 404 stands for. */
export const NOT_FOUND = 'not found';

/** When a call was sent, when its answer was here, by `performance.now()`; and which life of the gateway it met. */
export interface Span {
  readonly sentAt: number;
  readonly toldAt: number;
  readonly life: number;
}

export interface Delivered extends Span {
  readonly token: string;
  /** The id of the job. */
  readonly id: string;
  /** By `performance.now()`. */
  readonly expiresAt: number;
}

/** The wall clock of `expiresAt`, and the milliseconds that it is cut to. */
const CLOCK_MS = 20;

const REASONS: Readonly<Record<string, string>> = { delete: 'deleted', bury: 'buried', release: 'released' };
const reasonOf = (ending: Ending): string | undefined => REASONS[ending.split(' ')[0] ?? ''];

/**
 * One delivery of a job, and everything that its worker was told of it. A reservation lives once: from some
 * moment before it arrived to at least the last moment at which a call of its worker was answered 2xx.
 */
export class Reservation {
  readonly delivered: Delivered;
  readonly name: string;
  readonly #violations: Violations;
  /** The sending of the last call that found it alive. */
  #aliveAt: number;
  /** Undefined when nobody knows whether a touch was carried out. */
  #expiresAt: number | undefined;
  #ended: Ending | undefined;
  #over: { readonly reason: string; readonly at: number } | undefined;
  /** Endings that may have been carried out: since when, and in how many calls. */
  readonly #possible = new Map<Ending, { readonly since: number; calls: number }>();

  constructor(name: string, delivered: Delivered, violations: Violations) {
    this.name = name;
    this.delivered = delivered;
    this.#violations = violations;
    this.#aliveAt = delivered.sentAt;
    this.#expiresAt = delivered.expiresAt;
  }

  /** Whether both were alive after the other one had come, although a job has one holder at a time. */
  static overlap(one: Reservation, other: Reservation): boolean {
    return one.aliveAfter(other) && other.aliveAfter(one);
  }

  aliveAfter(other: Reservation): boolean {
    return this.#aliveAt > other.delivered.toldAt;
  }

  get expiresAt(): number {
    return this.#expiresAt ?? this.delivered.expiresAt;
  }

  /** Why its job may be delivered once more at this moment; undefined when nothing that is known allows it. */
  whyOver(life: number, at: number): string | undefined {
    if (this.#ended !== undefined) return 'released or buried by the worker';
    if (this.#over !== undefined) return announced(this.#over.reason);
    if (this.#possible.size > 0) return 'its ending unknown';
    if (this.#expiresAt !== undefined && this.#expiresAt <= at) return announced('expired');
    if (this.delivered.life !== life) return announced(NOT_FOUND);
    return undefined;
  }

  /** An ending is about to be asked for. */
  settling(ending: Ending, at: number): void {
    const possible = this.#possible.get(ending) ?? { since: at, calls: 0 };
    possible.calls += 1;
    this.#possible.set(ending, possible);
  }

  /** True when this answer is the first to say that the ending was carried out. */
  settled(ending: Ending, verdict: Verdict, span: Span): boolean {
    switch (verdict.is) {
      case 'done':
        return this.#done(ending, this.#possible.get(ending)?.since ?? span.sentAt);
      case 'over':
        this.#announced(verdict.reason, span);
        return false;
      case 'none':
        this.#impossible(ending);
        return false;
      case 'unknown':
        return false;
    }
  }

  touched(verdict: Verdict, span: Span, expiresAt: number | undefined): void {
    switch (verdict.is) {
      case 'done':
        this.#foundAlive('a touch', span.sentAt);
        if (expiresAt !== undefined && this.#expiresAt !== undefined) this.#expiresAt = expiresAt;
        return;
      case 'over':
        this.#announced(verdict.reason, span);
        return;
      case 'unknown':
        this.#expiresAt = undefined;
    }
  }

  /** One of the calls for it did nothing. */
  #impossible(ending: Ending): void {
    const possible = this.#possible.get(ending);
    if (possible === undefined) return;
    possible.calls -= 1;
    if (possible.calls === 0) this.#possible.delete(ending);
  }

  #done(ending: Ending, firstSentAt: number): boolean {
    // The same call repeated is 204 again.
    if (this.#ended === ending) return false;
    if (this.#ended !== undefined)
      this.#breaks('one reservation ended in two ways', `${ending} after ${this.#ended}`);
    this.#foundAlive(ending, firstSentAt);
    this.#ended = ending;
    return true;
  }

  #foundAlive(by: string, sentAt: number): void {
    const late = sentAt - (this.#expiresAt ?? Number.POSITIVE_INFINITY);
    if (late > CLOCK_MS)
      this.#breaks('settled after expiresAt', `${by} was sent ${Math.round(late)} ms later`);
    if (this.#over !== undefined && sentAt > this.#over.at)
      this.#breaks('settled after it was announced as ended', `${by} after ${this.#over.reason}`);
    this.#aliveAt = Math.max(this.#aliveAt, sentAt);
  }

  #announced(reason: string, { toldAt, life }: Span): void {
    this.#over ??= { reason, at: toldAt };
    if (reason === NOT_FOUND && life === this.delivered.life)
      this.#breaks('a reservation was forgotten', 'its own gateway answered 404');
    const early = (this.#expiresAt ?? Number.NEGATIVE_INFINITY) - toldAt;
    if (reason === 'expired' && early > CLOCK_MS)
      this.#breaks('expired before expiresAt', `announced ${Math.round(early)} ms earlier`);
    const byWorker = Object.values(REASONS).includes(reason);
    if (byWorker && ![...this.#possible.keys()].some((ending) => reasonOf(ending) === reason))
      this.#breaks('ended by nobody', `${reason}, which its worker did not ask for`);
  }

  #breaks(promise: string, what: string): void {
    this.#violations.add(promise, `${this.name}: ${what}`);
  }
}

/** A reason as it is counted. A gateway forgets nothing so soon, but its next life knows nothing of it. */
export const announced = (reason: string): string =>
  reason === NOT_FOUND ? 'the gateway restarted' : reason.replace('-', ' ');
