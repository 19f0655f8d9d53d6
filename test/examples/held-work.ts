import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import type { Worker } from './worker.ts';

/** Work that lasts until the test lets it end. */
export class HeldWork {
  readonly #folder = mkdtempSync(join(tmpdir(), 'held-work-'));
  readonly #end = join(this.#folder, 'end');
  /** It prints its process id first, and waits in a process of its own. */
  readonly command = ['sh', '-c', 'echo $$; until [ -e "$0" ]; do sleep 0.05; done', this.#end];

  constructor() {
    onTestFinished(() => rmSync(this.#folder, { recursive: true }));
  }

  /** The process id of the nth work of this worker, once it has begun. */
  async begun(worker: Worker, nth = 1): Promise<number> {
    const pids = () => worker.stdout.toString().split('\n').slice(0, -1).map(Number);
    await poll(`work ${nth} begins`, () => pids().length >= nth, 10_000);
    return pids()[nth - 1] ?? 0;
  }

  end(): void {
    writeFileSync(this.#end, '');
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
