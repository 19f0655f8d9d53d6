import type { Choices } from '../choices.ts';
import type { Answer } from '../http.ts';
import { type Callers, WITHIN_MS } from './callers.ts';
import type { Came } from './judge.ts';
import type { Held, Ledger } from './ledger.ts';
import type { Ending, Verdict } from './reservation.ts';
import { rest } from './rest.ts';
import { SETTINGS } from './site.ts';
import { TUBES } from './tubes.ts';
import { momentOf, resultsIn, saidIn, settleVerdict } from './verdicts.ts';

/** What a worker does with a job, and how often. */
const WAYS = {
  delete: 50,
  'delete twice': 5,
  'touch, then delete': 12,
  'give back': 6,
  'give back for later': 4,
  bury: 3,
  forget: 5,
  'delete too late': 5,
  'give back too late': 3,
  'delete and give back at once': 3,
} as const;

const ATTEMPTS = 3;
/** From its expiry to a settle that is surely too late. */
const TOO_LATE_MS = 100;

interface Taken {
  readonly body: string;
  readonly token: string;
  readonly id: string;
  readonly expiresAt: string;
}

/** Reserves, and does with its jobs what workers do, the careless and the late ones among them. */
export class Worker {
  readonly #callers: Callers;
  readonly #ledger: Ledger;
  readonly #choices: Choices;

  constructor(callers: Callers, ledger: Ledger, choices: Choices) {
    this.#callers = callers;
    this.#ledger = ledger;
    this.#choices = choices;
  }

  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const held = await this.#reserve();
      if (held.length === 0) await rest(this.#choices.integer(50, 500), over);
      else if (held.length > 1 && this.#choices.chance(0.3)) await this.#deleteAll(held);
      else await Promise.all(held.map((one) => this.#workOn(one)));
    }
  }

  async #reserve(): Promise<Held[]> {
    const bytes = this.#choices.chance(0.2);
    const count = bytes || this.#choices.chance(0.5) ? 1 : this.#choices.integer(2, 10);
    const timeout = this.#choices.integer(0, 3);
    const deadlineMs = this.#choices.chance(0.7)
      ? timeout * 1_000 + SETTINGS.RESERVE_GRACE_MS
      : this.#choices.integer(300, 4_000);
    const tubes = this.#choices.shuffled(TUBES).slice(0, this.#choices.oneOf([1, 1, 2, 3]));
    const query = `timeout=${timeout}&deadlineMs=${deadlineMs}&count=${count}`;
    const [only = '', ...more] = tubes;
    const came = await this.#callers.call({
      method: 'POST',
      path:
        more.length === 0
          ? `/v1/tubes/${only}/reservations?${query}`
          : `/v1/reservations?${tubes.map((tube) => `tube=${tube}`).join('&')}&${query}`,
      headers: { accept: bytes ? 'application/octet-stream' : 'application/json' },
      withinMs: deadlineMs,
      leavesAfterMs: this.#choices.chance(0.05) ? this.#choices.integer(0, timeout * 1_000 + 10) : undefined,
    });
    return takenIn(came).flatMap((taken) => this.#delivered(taken, came));
  }

  #delivered({ body, token, id, expiresAt }: Taken, { sentAt, toldAt, life }: Came): Held[] {
    const delivered = { token, id, expiresAt: momentOf(expiresAt), sentAt, toldAt, life };
    const held = this.#ledger.delivered(body, delivered);
    if (held === undefined) return [];
    for (const doubtful of held.inDoubt)
      void this.#touch(doubtful).then((verdict) => this.#ledger.asked(verdict));
    return [held];
  }

  async #workOn(held: Held): Promise<void> {
    const choices = this.#choices;
    const way = choices.weighted(WAYS);
    const { reservation } = held;
    switch (way) {
      case 'delete':
        await rest(choices.integer(0, 300));
        await this.#settle(held, 'delete');
        return;
      case 'delete twice':
        await this.#settle(held, 'delete');
        await this.#settle(held, 'delete');
        return;
      case 'touch, then delete':
        await rest((reservation.expiresAt - performance.now()) * choices.fraction());
        await this.#touch(held);
        await rest(choices.integer(0, 1_500));
        await this.#settle(held, 'delete');
        return;
      case 'give back':
        await rest(choices.integer(0, 300));
        await this.#settle(held, 'release 0');
        return;
      case 'give back for later':
        await this.#settle(held, 'release 1');
        return;
      case 'bury':
        await this.#settle(held, 'bury');
        return;
      case 'forget':
        return;
      case 'delete too late':
      case 'give back too late':
        await rest(
          reservation.expiresAt - performance.now() + choices.integer(-TOO_LATE_MS, 2 * TOO_LATE_MS),
        );
        await this.#settle(held, way === 'delete too late' ? 'delete' : 'release 0');
        return;
      case 'delete and give back at once':
        await Promise.all([this.#settleOnce(held, 'delete'), this.#settleOnce(held, 'release 0')]);
    }
  }

  /** Tries again while nothing came of it, as workers do. */
  async #settle(held: Held, ending: Ending): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { is } = await this.#settleOnce(held, ending);
      if (is === 'done' || is === 'over') return;
      await rest(this.#choices.integer(50, 500));
    }
  }

  async #settleOnce(held: Held, ending: Ending): Promise<Verdict> {
    const { token } = held.reservation.delivered;
    const [action, delay] = ending.split(' ');
    this.#ledger.settling(held, ending, performance.now());
    const came = await this.#callers.call({
      ...(action === 'delete'
        ? { method: 'DELETE', path: `/v1/reservations/${token}` }
        : {
            method: 'POST',
            path: `/v1/reservations/${token}/${action}${delay === undefined ? '' : `?delay=${delay}`}`,
          }),
      withinMs: WITHIN_MS.settle,
      leavesAfterMs: this.#choices.chance(0.02) ? this.#choices.integer(0, 5) : undefined,
    });
    const verdict = settleVerdict(saidIn(came));
    this.#ledger.settled(held, ending, verdict, came);
    return verdict;
  }

  /** A whole answer's jobs with one call. */
  async #deleteAll(held: readonly Held[]): Promise<void> {
    const settle = held.map(({ reservation }) => ({
      reservation: reservation.delivered.token,
      action: 'delete',
    }));
    for (const one of held) this.#ledger.settling(one, 'delete', performance.now());
    const came = await this.#callers.call({
      method: 'POST',
      path: '/v1/reservations/batch',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ settle }),
      withinMs: WITHIN_MS.settle,
    });
    const results = resultsIn(came, held.length);
    for (const [at, one] of held.entries())
      this.#ledger.settled(one, 'delete', settleVerdict(results[at] ?? 'broken off'), came);
  }

  async #touch(held: Held): Promise<Verdict> {
    const { token } = held.reservation.delivered;
    const path = `/v1/reservations/${token}/touch`;
    const came = await this.#callers.call({ method: 'POST', path, withinMs: WITHIN_MS.touch });
    const said = saidIn(came);
    const verdict = settleVerdict(said);
    const expiresAt = typeof said === 'string' ? undefined : said.expiresAt;
    this.#ledger.touched(held, verdict, came, expiresAt === undefined ? undefined : momentOf(expiresAt));
    return verdict;
  }
}

function takenIn({ answer }: Came): Taken[] {
  if (typeof answer === 'string') return [];
  if (answer.status === 200) return listIn(answer);
  return answer.status === 201 ? [inHeaders(answer)] : [];
}

interface ListedReservation {
  readonly reservation: string;
  readonly job: { readonly id: string };
  readonly body: string;
  readonly expiresAt: string;
}

function listIn({ bytes }: Answer): Taken[] {
  const { reservations } = JSON.parse(bytes.toString()) as { reservations: ListedReservation[] };
  return reservations.map(({ reservation, job, body, expiresAt }) => ({
    body,
    token: reservation,
    id: job.id,
    expiresAt,
  }));
}

function inHeaders({ headers, bytes }: Answer): Taken {
  const header = (name: string) => String(headers[name]);
  return {
    body: bytes.toString(),
    token: header('reservation'),
    id: header('job-id'),
    expiresAt: header('reservation-expires'),
  };
}
