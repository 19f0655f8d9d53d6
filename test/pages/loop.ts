import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { Exit } from '../support/gateway-process.ts';

/** A script that runs until it is ended. */
export class Loop {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exit = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** To the shell alone, not to what it runs: as a supervisor should. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
