import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The one of what is measured, or that of everything else. */
export type Core = 0 | 1;
export const MEASURED: Core = 0;
export const THE_REST: Core = 1;

const OUTPUT_MAX = 16_777_216;

const running = new Set<ChildProcess>();
// However the bench ends, nothing goes on without it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The command that runs another one on this core alone. */
export const pinnedTo = (core: Core): readonly string[] => ['taskset', '-c', String(core)];

/** A process on one core, for as long as it is needed. */
export class Pinned {
  readonly pid: number;
  /** The beginning of what it printed, both streams together. */
  output = '';
  readonly #child: ChildProcess;

  constructor(core: Core, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [program = '', ...args] = [...pinnedTo(core), ...command];
    this.#child = spawn(program, args, {
      env: { ...surroundings(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (this.#child.pid === undefined) throw new Error(`${program} cannot be started`);
    this.pid = this.#child.pid;
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
    const collect = (chunk: Buffer) => {
      if (this.output.length < 10_000) this.output += chunk.toString();
    };
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
  }

  /** Fails with what it said when it runs no longer. */
  expectAlive(): void {
    const { exitCode, signalCode, spawnargs } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`${spawnargs.join(' ')} ended with ${exitCode ?? signalCode}: ${this.output}`);
  }

  async stop(): Promise<void> {
    if (!running.has(this.#child)) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Runs a command on one core to its end, and gives what it printed. */
export function runPinned(core: Core, command: readonly string[]): Promise<string> {
  const [program = '', ...args] = [...pinnedTo(core), ...command];
  return new Promise((resolve, reject) => {
    const options = { env: surroundings(), maxBuffer: OUTPUT_MAX };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      running.delete(child);
      if (error === null) resolve(stdout);
      else reject(new Error(`${command.join(' ')} failed: ${stdout}${stderr}`, { cause: error }));
    });
    running.add(child);
  });
}

/** Nothing else, so that no setting of the shell is measured. */
function surroundings(): Record<string, string> {
  const { PATH } = process.env;
  return PATH === undefined ? {} : { PATH };
}
