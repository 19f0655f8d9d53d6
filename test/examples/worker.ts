import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import type { Exit } from '../support/gateway-process.ts';

export interface WorkerSettings {
  readonly gateway: string;
  readonly tubes: string;
  readonly key?: string;
  readonly maxTries?: number;
}

/** A worker of `examples/`, as its reader runs it. Killed when the test is over. */
export class Worker {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #printed: Buffer[] = [];
  stderr = '';

  constructor(worker: readonly string[], work: readonly string[], settings: WorkerSettings) {
    const [program = '', ...args] = [...worker, ...work];
    const { gateway, tubes, key = '', maxTries = 5 } = settings;
    this.#child = spawn(program, args, {
      env: { ...process.env, GATEWAY_URL: gateway, TUBES: tubes, KEY: key, MAX_TRIES: String(maxTries) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#printed.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }));
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** What the work has printed. */
  get stdout(): Buffer {
    return Buffer.concat(this.#printed);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async logs(line: string): Promise<void> {
    await poll(`the worker logs “${line}”`, () => this.stderr.includes(line), 10_000).catch((error) => {
      throw new Error(`${error.message}, but: ${this.stderr}`);
    });
  }
}
