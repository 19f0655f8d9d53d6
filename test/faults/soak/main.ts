import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const USAGE = 'npm run soak -- --minutes N [--seed S]';

function fail(why: string): never {
  console.error(`${why}\n${USAGE}`);
  process.exit(2);
}

function numberIn(option: string, text: string, isRight: (number: number) => boolean): number {
  const number = text === '' ? Number.NaN : Number(text);
  return isRight(number) ? number : fail(`--${option}: ${JSON.stringify(text)} is none`);
}

function options(): { minutes?: string; seed?: string } {
  try {
    return parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const values = options();
const minutes = numberIn('minutes', values.minutes ?? '1', (number) => number > 0);
const seed =
  values.seed === undefined
    ? randomInt(2 ** 31)
    : numberIn('seed', values.seed, (number) => Number.isSafeInteger(number) && number >= 0);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(1);
    console.log(`\n${signal}: ending early, with the same account; once more exits at once`);
    stop.abort();
  });
}

console.log(`soak: seed ${seed}, ${minutes} minutes`);
const { summary, violations } = await soak(seed, minutes * 60_000, stop);
console.log(summary);
process.exit(violations === 0 ? 0 : 1);
