import { execFileSync } from 'node:child_process';

/** What the pages call the programs, and what asks them for their version. */
const PROGRAMS: Readonly<Record<string, readonly [command: string, least: string]>> = {
  curl: ['curl', '7.84'],
  jq: ['jq', '1.5'],
  HTTPie: ['http', '3'],
};

/** Those of these that this machine lacks, or has too old. */
export const missing = (names: readonly string[]): string[] => names.filter((name) => !has(name));

function has(name: string): boolean {
  const program = PROGRAMS[name];
  if (program === undefined) throw new Error(`a page needs ${name}, of which the tests know nothing`);
  const [command, least] = program;
  try {
    const said = execFileSync(command, ['--version'], { encoding: 'utf8', stdio: 'pipe' });
    return isAtLeast(/\d+(\.\d+)*/.exec(said)?.[0] ?? '', least);
  } catch {
    return false;
  }
}

/** `localeCompare` with numbers knows that 7.9 comes before 7.84. */
const isAtLeast = (version: string, least: string) =>
  version.localeCompare(least, 'en', { numeric: true }) >= 0;
