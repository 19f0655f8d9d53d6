import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const EXAMPLES = join(import.meta.dirname, '../../examples');

/** A worker of `examples/`, and what it takes to run it here. */
export interface Recipe {
  readonly language: string;
  /** What the machine needs, in words, and a command that fails where it is missing. */
  readonly needs: string;
  readonly probe: readonly string[];
  /** Makes the program in a folder of the test, where it is one that has to be made. */
  readonly build?: { readonly command: (folder: string) => readonly string[]; readonly in: string };
  /** The command that runs it. */
  readonly run: (folder: string) => readonly string[];
}

export const PYTHON: Recipe = {
  language: 'Python',
  needs: 'Python 3.9',
  probe: ['python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 9))'],
  run: () => ['python3', join(EXAMPLES, 'python/worker.py')],
};

export const GO: Recipe = {
  language: 'Go',
  needs: 'Go 1.21',
  probe: ['go', 'version'],
  build: {
    command: (folder) => ['go', 'build', '-o', join(folder, 'worker'), '.'],
    in: join(EXAMPLES, 'go'),
  },
  run: (folder) => [join(folder, 'worker')],
};

export const PHP: Recipe = {
  language: 'PHP',
  needs: 'PHP 8.1 with curl and pcntl',
  probe: [
    'php',
    '-r',
    'exit(PHP_VERSION_ID >= 80100 && function_exists("curl_init") && function_exists("pcntl_signal") ? 0 : 1);',
  ],
  run: () => ['php', join(EXAMPLES, 'php/worker.php')],
};

export const SHELL: Recipe = {
  language: 'the shell',
  needs: 'curl, awk and setsid',
  probe: ['sh', '-c', 'command -v curl && command -v awk && command -v setsid'],
  run: () => ['sh', join(EXAMPLES, 'shell/worker.sh')],
};

/** Whether it can run here. Where not, one line says what is missing. */
export function isThere({ language, needs, probe: [program = '', ...args] }: Recipe): boolean {
  const there = spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  if (!there) console.log(`skipped: the worker in ${language}, which needs ${needs}`);
  return there;
}
