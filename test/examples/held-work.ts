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

  /** The process id of the nth work of this worker, once it has begun. */
  async begun(worker: Worker, nth = 1): Promise<number> {
    const pids = () => worker.stdout.toString().split('\n').slice(0, -1).map(Number);
    await poll(`work ${nth} begins`, () => pids().length >= nth, 10_000);
    return pids()[nth - 1] ?? 0;
  }

  end(): void {
    rmSync(this.#going);
  }
}

export const isAlive = async (pid: number): Promise<boolean> =>
  (await processes('')).some((one) => one.pid === pid);
