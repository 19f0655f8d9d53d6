import { cpuTimeMs } from './cpu-time.ts';

/** A stretch of time in which something is done. Who works counts what is done, and begins nothing once it is over. */
export interface Run {
  done: number;
  over: boolean;
  /** There was nothing left to do. */
  ranOut: boolean;
}

/** Seconds in which V8 compiles what matters. */
const WARM_UP = 1;
/** More than any of the contenders does in that time. */
const WARM_UP_SUPPLY = 100_000;
/** For what is done more once it is compiled. */
const MARGIN = 1.5;

/** What a program of programs/ prints. */
export interface Rate {
  /** How much was done a second. */
  readonly rate: number;
  /** The share of a core that was used for it. */
  readonly cpu: number;
}

export interface WarmedUp {
  readonly seconds: number;
  /** The process that is measured. */
  readonly pid: number;
  readonly work: (run: Run) => Promise<unknown>;
  /** Prepares so much of what the work uses up. */
  readonly supply?: (amount: number) => Promise<void>;
}

export async function warmRate({ seconds, pid, work, supply }: WarmedUp): Promise<Rate> {
  await supply?.(WARM_UP_SUPPLY);
  const warmUp = await rateFor(WARM_UP, pid, work);
  await supply?.(Math.ceil(warmUp.rate * seconds * MARGIN));
  const { ranOut, ...rate } = await rateFor(seconds, pid, work);
  if (ranOut) throw new Error(`nothing was left to do, after ${warmUp.rate} a second in the warm-up`);
  return rate;
}

async function rateFor(
  seconds: number,
  pid: number,
  work: (run: Run) => Promise<unknown>,
): Promise<Rate & { readonly ranOut: boolean }> {
  const run: Run = { done: 0, over: false, ranOut: false };
  const usedBefore = cpuTimeMs(pid);
  const startedAt = performance.now();
  const timer = setTimeout(() => {
    run.over = true;
  }, seconds * 1000);
  await work(run);
  clearTimeout(timer);
  const milliseconds = performance.now() - startedAt;
  return {
    rate: (run.done * 1000) / milliseconds,
    cpu: (cpuTimeMs(pid) - usedBefore) / milliseconds,
    ranOut: run.ranOut,
  };
}

/**
 * One step after the other.
 * @param step resolves with how much was done; with 0 when nothing was left
 */
export async function chain(run: Run, step: () => Promise<number>): Promise<void> {
  while (!run.over && !run.ranOut) {
    const done = await step();
    run.done += done;
    run.ranOut ||= done === 0;
  }
}
