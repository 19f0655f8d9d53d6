import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { processes } from '../own/talk.ts';
import { poll } from '../support/beanstalkd.ts';
import type { Worker } from './worker.ts';

const WAITS = 'echo $$; while [ -e "$0" ]; do sleep 0.05; done';

/** Work that lasts until the test lets it end. */
export class HeldWork {
  readonly #folder = mkdtempSync(join(tmpdir(), 'held-work-'));
  readonly #going = join(this.#folder, 'going');
  /** It prints a process id: that of a child of its own, which waits. */
  readonly command = ['sh', '-c', `sh -c '${WAITS}' "$0"; exit $?`, this.#going];

  constructor() {
    writeFileSync(this.#going, '');
    onTestFinished(() => rmSync(this.#folder, { recursive: true }));
  }

  /** The process id, once the work has begun. */
  async begun(worker: Worker): Promise<number> {
    const pid = () => /^\d+(?=\n)/.exec(worker.stdout.toString())?.[0];
    await poll('the work begins', () => pid() !== undefined, 10_000);
    return Number(pid());
  }

  end(): void {
    rmSync(this.#going);
  }
}

export const isAlive = async (pid: number): Promise<boolean> =>
  (await processes('')).some((one) => one.pid === pid);
