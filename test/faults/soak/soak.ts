import { setMaxListeners } from 'node:events';
import { Choices } from '../choices.ts';
import { takeStock } from './account.ts';
import { Callers } from './callers.ts';
import { type Fault, faultsOf } from './faults.ts';
import { Judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import { putFromBehind } from './neighbour.ts';
import { Producer } from './producer.ts';
import { type Soaking, showProgress, summaryOf } from './report.ts';
import { rest } from './rest.ts';
import { Site } from './site.ts';
import { tend } from './tender.ts';
import { Violations } from './violations.ts';
import { Worker } from './worker.ts';

const PRODUCERS = 4;
const WORKERS = 100;
/** Of all producers together: the machine stays usable, and what a fault has left behind is worked off. */
const JOBS_PER_SECOND = 160;
/** Between two faults, so that each strikes a house in order. Milliseconds. */
const QUIET_MS = [500, 3_500] as const;
/** The work goes on so long after the last fault, when nothing may fail any more. */
const AFTERMATH_MS = 4_000;

export interface SoakResult {
  readonly summary: string;
  readonly violations: number;
}

/** Producers, workers and faults at once until `stop`; then everything is repaired, and accounted for. */
export async function soak(seed: number, ms: number, stop: AbortController): Promise<SoakResult> {
  const violations = new Violations();
  const site = await Site.open();
  const judge = new Judge(violations);
  const callers = new Callers(site, judge);
  const work = new AbortController();
  setMaxListeners(0, work.signal);
  try {
    const ledger = new Ledger(seed, violations);
    const faults = await faultsOf(site, callers, violations);
    site.onGatewayLost = (said) => {
      violations.add('the gateway ended by itself', said);
      stop.abort();
    };
    const startedAt = performance.now();
    const struck = new Map<string, number>();
    const soaking = { seed, startedAt, struck, currentFault: undefined, ledger, callers, judge, violations };
    const endProgress = showProgress(soaking);
    const timer = setTimeout(() => stop.abort(), ms);
    await Promise.all([
      strikeAll(faults, new Choices(seed, 'faults'), soaking, stop.signal)
        .then(() => rest(AFTERMATH_MS))
        .finally(() => work.abort()),
      tend(callers, new Choices(seed, 'tender'), work.signal),
      putFromBehind(site.beanstalkd, ledger, new Choices(seed, 'neighbour'), work.signal),
      ...many(PRODUCERS, (name) =>
        new Producer(callers, ledger, new Choices(seed, `producer ${name}`), JOBS_PER_SECOND / PRODUCERS).run(
          work.signal,
        ),
      ),
      ...many(WORKERS, (name) =>
        new Worker(callers, ledger, new Choices(seed, `worker ${name}`)).run(work.signal),
      ),
    ]);
    clearTimeout(timer);
    const bodies = await takeStock(site, violations);
    endProgress();
    const balance = ledger.balance(bodies);
    const summary = summaryOf(soaking, balance, performance.now() - startedAt);
    return { summary, violations: violations.count };
  } finally {
    callers.close();
    await site.close();
  }
}

const many = (count: number, start: (name: number) => Promise<void>): Promise<void>[] =>
  Array.from({ length: count }, (_, name) => start(name));

interface Struck extends Omit<Soaking, 'struck' | 'currentFault'> {
  readonly struck: Map<string, number>;
  currentFault: string | undefined;
}

/** One after the other, in rounds in which each comes once. Each is undone, also when all is over meanwhile. */
async function strikeAll(
  faults: readonly Fault[],
  choices: Choices,
  soaking: Struck,
  over: AbortSignal,
): Promise<void> {
  const { judge } = soaking;
  while (!over.aborted) {
    for (const { name, lasts, strike, undo, silences } of choices.shuffled(faults)) {
      await rest(choices.integer(...QUIET_MS), over);
      if (over.aborted) return;
      soaking.currentFault = name;
      judge.calmSince = undefined;
      soaking.struck.set(name, (soaking.struck.get(name) ?? 0) + 1);
      await strike();
      judge.unheardSince = silences ? performance.now() : undefined;
      await rest(choices.mostlyShort(...lasts), over);
      judge.unheardSince = undefined;
      await undo();
      soaking.currentFault = undefined;
      judge.calmSince = performance.now();
    }
  }
}
