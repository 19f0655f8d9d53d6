import { execFileSync, spawnSync } from 'node:child_process';

/** Debian's packages; each has a program of its own name, unless it says otherwise. */
const PACKAGES = ['beanstalkd', 'redis-server', 'webdis', 'wrk'] as const;

/** Installs what is missing: the programs above, and the library without which a Node from npm does not start. */
export function installMissing(nodes: readonly string[]): void {
  const missing: string[] = PACKAGES.filter((program) => spawnSync('which', [program]).status !== 0);
  if (nodes.some((node) => spawnSync(node, ['--version']).status !== 0)) missing.push('libatomic1');
  if (missing.length === 0) return;
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...missing);
}

function apt(...args: string[]): void {
  // At run level 1 Debian starts none of the services that it installs.
  const command = ['env', 'RUNLEVEL=1', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
  const [program = '', ...rest] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command];
  process.stderr.write(`$ apt-get ${args.join(' ')}\n`);
  execFileSync(program, rest, { stdio: ['ignore', process.stderr, process.stderr] });
}

/** The version of each, as Debian counts. */
export function packageVersions(): Record<string, string> {
  const lines = execFileSync('dpkg-query', ['-W', ...PACKAGES])
    .toString()
    .trim()
    .split('\n');
  return Object.fromEntries(lines.map((line) => line.split('\t', 2)));
}
