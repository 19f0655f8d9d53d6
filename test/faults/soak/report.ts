import type { Callers } from './callers.ts';
import type { Judge } from './judge.ts';
import type { Balance, Ledger } from './ledger.ts';
import type { Violations } from './violations.ts';

const EVERY_MS = 10_000;
const ON_A_TERMINAL_EVERY_MS = 250;
const LABEL = 36;

/** What can be said of a soak at any moment of it. */
export interface Soaking {
  readonly seed: number;
  readonly startedAt: number;
  /** How often each fault has struck. */
  readonly struck: ReadonlyMap<string, number>;
  readonly currentFault: string | undefined;
  readonly ledger: Ledger;
  readonly callers: Callers;
  readonly judge: Judge;
  readonly violations: Violations;
}

/** One line that is written again and again on a terminal; elsewhere a line now and then. Returns how to end it. */
export function showProgress(soaking: Soaking): () => void {
  const { isTTY } = process.stdout;
  const show = () => {
    const line = progressOf(soaking);
    process.stdout.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  };
  const timer = setInterval(show, isTTY ? ON_A_TERMINAL_EVERY_MS : EVERY_MS);
  return () => {
    clearInterval(timer);
    if (isTTY) process.stdout.write('\r\x1b[K');
  };
}

function progressOf({ startedAt, struck, currentFault, ledger, violations }: Soaking): string {
  return [
    durationOf(performance.now() - startedAt).padStart(5),
    `${n(ledger.acknowledged)} put`,
    `${n(ledger.finished)} finished`,
    `${n(ledger.open)} in flight`,
    `${n(sum(struck))} faults${currentFault === undefined ? '' : ` (${currentFault})`}`,
    `${n(violations.count)} violations`,
  ].join('  ');
}

/** Plain text: it is pasted into documents. */
export function summaryOf(soaking: Soaking, balance: Balance, tookMs: number): string {
  const { seed, struck, ledger, callers, judge, violations } = soaking;
  const { acknowledged, arrived, finished, finishedUnanswered, stillThere } = balance;
  const rows: [string, string][] = [
    ['seed', String(seed)],
    ['time', durationOf(tookMs)],
    ['faults', n(sum(struck))],
    ...counts(struck),
    ['puts acknowledged', n(acknowledged)],
    ['puts refused', `${n(balance.refused)} (outcome none)`],
    ['puts unknown', `${n(balance.unknown)}, of which ${n(arrived)} arrived`],
    ['jobs', `${n(acknowledged + arrived)} = acknowledged + arrived`],
    ['  finished', `${n(finished)} (DELETE answered 204)`],
    ['  finished, unanswered', `${n(finishedUnanswered)} (DELETE of unknown outcome, and gone)`],
    ['  still there', `${n(stillThere)} (collected from behind)`],
    ['  lost', n(acknowledged + arrived - finished - finishedUnanswered - stillThere)],
    ['deliveries', n(balance.deliveries)],
    ['delivered again', n(sum(ledger.again))],
    ...counts(ledger.again),
    ['callers that left', n(callers.departures)],
    ['answers', n(sum(callers.answers))],
    ...counts(callers.answers),
    ['latest answer', latenessOf(judge.latestMs)],
    ['violations', n(violations.count)],
  ];
  return [...rows.map(([label, value]) => `${label.padEnd(LABEL)}${value}`), ...violations.lines()].join(
    '\n',
  );
}

const latenessOf = (ms: number): string =>
  `${n(Math.round(Math.abs(ms)))} ms ${ms > 0 ? 'after' : 'before'} the deadline of its call`;

const counts = (map: ReadonlyMap<string, number>): [string, string][] =>
  [...map].sort(([one], [other]) => one.localeCompare(other)).map(([what, count]) => [`  ${what}`, n(count)]);

const sum = (map: ReadonlyMap<string, number>): number =>
  [...map.values()].reduce((all, one) => all + one, 0);

const n = (number: number): string => number.toLocaleString('en-US');

function durationOf(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
