import type { Answer } from '../http.ts';
import type { Span } from './reservation.ts';
import type { Violations } from './violations.ts';

/** A call that never left, or one that broke off: nobody knows what came of it. */
export type Unanswered = 'not sent' | 'broken off';

/** What came of a call. */
export type Came = Span & { readonly answer: Answer | Unanswered };

/** For the way back from the gateway. */
const MARGIN_MS = 250;
/** Everything is well again so soon after a fault. */
const RECOVERED_MS = 2_000;
/** A call with less patience than this may fail because the machine is busy. */
const PATIENT_MS = 1_000;
/** Two processes' timers do not agree on a millisecond. */
const TIMER_MS = 20;

const ANNOUNCED: ReadonlySet<number> = new Set([200, 201, 204, 404, 410, 502, 503, 504, 507]);
const NO_RESERVATIONS = Buffer.from('{"reservations":[]}');

/** What holds for every call, whatever it is about. */
export class Judge {
  /** Since when there is no fault; undefined in one. */
  calmSince: number | undefined;
  /** Since when no word of beanstalkd can reach the gateway; undefined when one can. */
  unheardSince: number | undefined;
  /** Milliseconds from the deadline of a call to its answer, at worst. */
  latestMs = Number.NEGATIVE_INFINITY;
  readonly #violations: Violations;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  /** A call was over so many milliseconds after its deadline; most of them are before it. */
  time(what: string, lateMs: number): void {
    this.latestMs = Math.max(this.latestMs, lateMs);
    if (lateMs > MARGIN_MS)
      this.#violations.add('a call outlived its deadline', `${what}: ${Math.round(lateMs)} ms after it`);
  }

  answer(what: string, { status, bytes }: Answer): void {
    const text = bytes.toString('utf8', 0, 400);
    if (!ANNOUNCED.has(status))
      this.#violations.add('an answer that no caller was told of', `${what}: ${status} ${text}`);
    if (status === 503 && !text.includes('"outcome":"none"'))
      this.#violations.add('a 503 without `outcome: none`', `${what}: ${text}`);
  }

  /** When there is no fault, none shows itself, except to those who would not have waited. */
  failure(what: string, { sentAt, answer }: Came, withinMs: number): void {
    const answered = typeof answer === 'object';
    if (answered && answer.status < 500) return;
    if (this.calmSince === undefined || withinMs < PATIENT_MS) return;
    const calmMs = sentAt - this.calmSince;
    if (calmMs < RECOVERED_MS) return;
    const how = answered ? `${answer.status} ${answer.bytes.toString()}` : answer;
    this.#violations.add(
      'a call failed although all was well',
      `${what}, ${Math.round(calmMs)} ms after a fault: ${how}`,
    );
  }

  /** Nobody is told that nothing came unless beanstalkd has said so, in time. Not for a gateway that stops. */
  empty(what: string, { status, headers, bytes }: Answer, { sentAt, toldAt }: Span): void {
    const seconds = headers['reserve-timeout'];
    if (seconds === undefined || !(status === 204 || bytes.equals(NO_RESERVATIONS))) return;
    const earlyMs = Number(seconds) * 1_000 - (toldAt - sentAt);
    if (earlyMs > TIMER_MS)
      this.#violations.add('empty before the timeout', `${what}: ${Math.round(earlyMs)} ms before it`);
    if (this.unheardSince !== undefined && sentAt > this.unheardSince + TIMER_MS)
      this.#violations.add('empty while beanstalkd could not be heard', what);
  }
}
