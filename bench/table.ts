import type { Circumstances } from './circumstances.ts';
import type { Findings } from './report.ts';
import type { Figure, Measured, RivalStanding } from './row.ts';

/** Below this share of a core it was not the server that set the pace. */
const BUSY = 0.9;

const HEAD = ['What', 'Node', 'Ours', 'Against', 'Theirs', 'Ours ÷ theirs', 'Bar'];

/** All that was measured, as Markdown: what belongs together stays together, one line for each Node. */
export function tableOf(about: Circumstances, rounds: number, findings: readonly Findings[]): string {
  const lines = findings.flatMap(({ node, rows, figures }) => [
    ...rows.flatMap((row) => row.rivals.map((rival) => rivalLine(node, row, rival))),
    ...figures.map((figure) => figureLine(node, figure)),
  ]);
  const places = new Map<string, number>();
  for (const { what, against } of lines) {
    const key = `${what} ${against}`;
    if (!places.has(key)) places.set(key, places.size);
  }
  const place = ({ what, against }: Line) => places.get(`${what} ${against}`) ?? 0;
  const sorted = lines.toSorted((a, b) => place(a) - place(b));
  return [
    ...aboutLines(about, rounds),
    '',
    `| ${HEAD.join(' | ')} |`,
    '|---|---|--:|---|--:|--:|---|',
    ...sorted.map(
      ({ what, node, ours, against, theirs, ratio, bar }) =>
        `| ${[what, node, ours, against, theirs, ratio, bar].join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

const aboutLines = ({ date, cpu, cores, kernel, packages }: Circumstances, rounds: number): string[] => [
  `Measured on ${date}: ${cores} cores of ${cpu}, Linux ${kernel}.`,
  `${Object.entries(packages)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.`,
  '',
  `Medians of ${rounds} rounds; a ratio is that of both rates in one round, with the lowest and the highest.`,
  `Where a server used less than ${BUSY * 100} % of its core, its share is given: then the other core was the limit: the load, or beanstalkd.`,
];

interface Line {
  readonly what: string;
  readonly node: string;
  readonly ours: string;
  readonly against: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly bar: string;
}

const rivalLine = (node: string, row: Measured, rival: RivalStanding): Line => ({
  what: `${row.group}: ${row.title}, ${row.unit}`,
  node,
  ours: rate(row.ours),
  against: rival.name,
  theirs: rate(rival),
  ratio: `${rival.ratio.toFixed(2)} (${rival.lowestRatio.toFixed(2)}–${rival.highestRatio.toFixed(2)})`,
  bar: rival.bar === undefined ? '' : bar(`≥ ${rival.bar.toFixed(2)}`, rival.ratio >= rival.bar),
});

const figureLine = (node: string, { group, title, value, unit, bar: limit, beside }: Figure): Line => ({
  what: `${group}: ${title}, ${unit}`,
  node,
  ours: number(value),
  against: beside?.name ?? '',
  theirs: beside === undefined ? '' : number(beside.value),
  ratio: '',
  bar: limit === undefined ? '' : bar(`≤ ${number(limit.atMost)}`, value <= limit.atMost),
});

const bar = (limit: string, met: boolean) => (met ? limit : `**${limit}: not met**`);

const rate = ({ rate, cpu }: { readonly rate: number; readonly cpu?: number }) =>
  cpu === undefined || cpu >= BUSY
    ? number(rate)
    : `${number(rate)} (${Math.round(cpu * 100)} % of its core)`;

/** Three digits at least. */
const number = (value: number) =>
  value.toLocaleString('en', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
