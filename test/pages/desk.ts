import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from '../routes/calls.ts';
import { Loop } from './loop.ts';
import { Shell } from './shell.ts';

/** On a terminal curl shows no progress, and HTTPie formats and waits for no input. */
const AS_ON_A_TERMINAL = {
  '.curlrc': 'no-progress-meter',
  'config.json': JSON.stringify({
    default_options: ['--ignore-stdin', '--pretty=format'],
    disable_update_warnings: true,
  }),
};

/** Where a reader sits: an empty folder, which is home as well, and shells in it. */
export class Desk {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcessWithoutNullStreams>();

  private constructor(folder: string, set: Readonly<Record<string, string>>) {
    const { PATH } = process.env;
    this.#folder = folder;
    this.#env = { PATH, HOME: folder, HTTPIE_CONFIG_DIR: folder, ...set };
  }

  /** @param set what the reader has in variables */
  static async open(set: Readonly<Record<string, string>> = {}): Promise<Desk> {
    const desk = new Desk(await mkdtemp(join(tmpdir(), 'page-')), set);
    for (const [name, text] of Object.entries(AS_ON_A_TERMINAL)) await desk.write(name, text);
    return desk;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.#folder, name), text);
  }

  /** For one block after another. */
  shell(): Shell {
    return new Shell(this.#sh(), join(this.#folder, '.block'));
  }

  /** For a script that does not end by itself. */
  async loop(script: string, ...args: string[]): Promise<Loop> {
    await this.write('.loop', script);
    return new Loop(this.#sh('.loop', ...args));
  }

  async close(): Promise<void> {
    for (const { pid } of this.#running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** In a process group of its own, so that what it runs ends with it. */
  #sh(...args: string[]): ChildProcessWithoutNullStreams {
    const child = spawn('sh', args, { cwd: this.#folder, env: this.#env, detached: true });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }
}

/** A test with houses and desks of its own; they are closed when it has finished. */
export const test = base.extend<{ sit: (...how: Parameters<typeof Desk.open>) => Promise<Desk> }>({
  sit: async ({ onTestFinished }, use) => {
    await use(async (...how) => {
      const desk = await Desk.open(...how);
      onTestFinished(() => desk.close());
      return desk;
    });
  },
});
