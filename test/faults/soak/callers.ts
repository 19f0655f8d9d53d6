import type { Socket } from 'node:net';
import { call, type Sent } from '../http.ts';
import type { Came, Judge, Unanswered } from './judge.ts';
import { OwnLateness } from './own-lateness.ts';
import { SETTINGS, type Site } from './site.ts';

export interface Call extends Sent {
  readonly method: string;
  readonly path: string;
  /** Milliseconds by which the gateway has to answer, whatever happens. */
  readonly withinMs: number;
  /** The caller goes away so many milliseconds after it has called. */
  readonly leavesAfterMs?: number | undefined;
}

const { CONNECT_TIMEOUT_MS, COMMAND_TIMEOUT_MS } = SETTINGS;
/** Deadlines of calls: a dial, and its commands one after the other. */
export const WITHIN_MS = {
  put: CONNECT_TIMEOUT_MS + COMMAND_TIMEOUT_MS,
  /** stats-tube and kick, on a lane each. */
  kick: 2 * (CONNECT_TIMEOUT_MS + COMMAND_TIMEOUT_MS),
  /** At worst behind a take, which is a reserve and a stats-job, and behind a touch of its own. */
  settle: 4 * COMMAND_TIMEOUT_MS,
  /** At worst behind an ending that is under way, and behind a take. */
  touch: 7 * COMMAND_TIMEOUT_MS,
} as const;

/** So long after its deadline a call is given up: it would never have been answered. */
const PATIENCE_MS = 10_000;

/** All calls to the gateway, from its own host, each on a connection of its own. */
export class Callers {
  /** How many, by status, or by what came instead of one. */
  readonly answers = new Map<string, number>();
  /** Callers that went away without waiting for their answer. */
  departures = 0;
  readonly #site: Site;
  readonly #judge: Judge;
  readonly #lateness = new OwnLateness();
  readonly #leaveNow = new Set<() => void>();

  constructor(site: Site, judge: Judge) {
    this.#site = site;
    this.#judge = judge;
  }

  async call({ method, path, withinMs, leavesAfterMs, ...sent }: Call): Promise<Came> {
    const { life } = this.#site;
    const sentAt = performance.now();
    let socket: Socket | undefined;
    let connectedAt = sentAt;
    let lateBefore = 0;
    let left = false;
    const timers: NodeJS.Timeout[] = [];
    const leave = () => {
      left = true;
      socket?.destroy();
    };
    const dial = async (port: number, address?: string): Promise<Socket> => {
      const dialled = await this.#site.callers.dial(port, address);
      socket = dialled;
      connectedAt = performance.now();
      lateBefore = this.#lateness.totalMs;
      this.#leaveNow.add(leave);
      if (leavesAfterMs !== undefined) timers.push(setTimeout(leave, leavesAfterMs));
      timers.push(setTimeout(() => dialled.destroy(), withinMs + PATIENCE_MS));
      return dialled;
    };
    const answer = await call({ dial }, this.#site.url, method, path, sent).catch(
      (): Unanswered => (socket === undefined ? 'not sent' : 'broken off'),
    );
    const came = { sentAt, toldAt: performance.now(), life, answer };
    this.#leaveNow.delete(leave);
    for (const timer of timers) clearTimeout(timer);
    if (left && answer === 'broken off') {
      this.departures += 1;
    } else {
      const late = this.#lateness.totalMs - lateBefore;
      this.#hear(`${method} ${path}`, came, withinMs, came.toldAt - connectedAt - withinMs - late);
    }
    return came;
  }

  /** Everybody who waits for an answer goes away. */
  leaveAll(): void {
    for (const leave of this.#leaveNow) leave();
  }

  close(): void {
    this.#lateness.stop();
  }

  #hear(what: string, came: Came, withinMs: number, lateMs: number): void {
    const { answer, life } = came;
    this.#judge.failure(what, came, withinMs);
    if (answer !== 'not sent') this.#judge.time(what, lateMs);
    if (typeof answer === 'object') {
      this.#judge.answer(what, answer);
      if (this.#site.gatewayRuns && this.#site.life === life) this.#judge.empty(what, answer, came);
    }
    const how = typeof answer === 'object' ? String(answer.status) : answer;
    this.answers.set(how, (this.answers.get(how) ?? 0) + 1);
  }
}
