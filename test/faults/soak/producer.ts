import type { Choices } from '../choices.ts';
import { type Callers, WITHIN_MS } from './callers.ts';
import type { Unanswered } from './judge.ts';
import type { Job, Ledger } from './ledger.ts';
import { rest } from './rest.ts';
import { TUBES } from './tubes.ts';
import { putVerdict, resultsIn, type Said, saidIn } from './verdicts.ts';

const BATCH_MAX = 20;
/** Jobs that are open at once: what a fault leaves behind is worked off before more is put. */
const OPEN_MAX = 2_000;

interface Wish {
  readonly priority: number;
  readonly delay: number;
  readonly ttr: number;
}

/** Puts jobs, one by one and in batches, at a steady pace. */
export class Producer {
  readonly #callers: Callers;
  readonly #ledger: Ledger;
  readonly #choices: Choices;
  readonly #msPerJob: number;

  constructor(callers: Callers, ledger: Ledger, choices: Choices, jobsPerSecond: number) {
    this.#callers = callers;
    this.#ledger = ledger;
    this.#choices = choices;
    this.#msPerJob = 1_000 / jobsPerSecond;
  }

  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const count = this.#choices.chance(0.2) ? this.#choices.integer(2, BATCH_MAX) : 1;
      if (this.#ledger.open < OPEN_MAX) await (count === 1 ? this.#putOne() : this.#putBatch(count));
      await rest(count * this.#msPerJob * 2 * this.#choices.fraction(), over);
    }
  }

  async #putOne(): Promise<void> {
    const job = this.#ledger.newJob();
    const { priority, delay, ttr } = this.#wish();
    const came = await this.#callers.call({
      method: 'POST',
      path: `/v1/tubes/${this.#choices.oneOf(TUBES)}/jobs?priority=${priority}&delay=${delay}&ttr=${ttr}`,
      body: job.body,
      withinMs: WITHIN_MS.put,
      leavesAfterMs: this.#leavesAfterMs(),
    });
    this.#put(job, saidIn(came));
  }

  async #putBatch(count: number): Promise<void> {
    const jobs = Array.from({ length: count }, () => this.#ledger.newJob());
    const came = await this.#callers.call({
      method: 'POST',
      path: `/v1/tubes/${this.#choices.oneOf(TUBES)}/jobs/batch`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs: jobs.map(({ body }) => ({ body, ...this.#wish() })) }),
      withinMs: WITHIN_MS.put,
      leavesAfterMs: this.#leavesAfterMs(),
    });
    const results = resultsIn(came, count);
    for (const [at, job] of jobs.entries()) this.#put(job, results[at] ?? 'broken off');
  }

  #put(job: Job, said: Said | Unanswered): void {
    this.#ledger.put(job, putVerdict(said), typeof said === 'string' ? undefined : said.id);
  }

  #wish(): Wish {
    return {
      priority: this.#choices.integer(0, 2_000),
      delay: this.#choices.chance(0.1) ? this.#choices.integer(1, 2) : 0,
      ttr: this.#choices.integer(1, 5),
    };
  }

  #leavesAfterMs(): number | undefined {
    return this.#choices.chance(0.02) ? this.#choices.integer(0, 5) : undefined;
  }
}
