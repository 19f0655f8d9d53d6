import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { poll } from './beanstalkd.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The gateway as a process of its own, as an operator runs it. Killed when the test is over. */
export class GatewayProcess {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Record<string, string> = {}, nodeArgs: readonly string[] = []) {
    const { PATH } = process.env;
    this.#child = spawn(process.execPath, ['--import', 'tsx', ...nodeArgs, MAIN, ...args], {
      // Nothing of the surroundings: not the settings, and not that npm may have started the tests.
      env: { ...(PATH === undefined ? {} : { PATH }), PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }));
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** Resolves when it listens. */
  static async listening(
    args: readonly string[],
    env?: Record<string, string>,
    nodeArgs?: readonly string[],
  ) {
    const gateway = new GatewayProcess(args, env, nodeArgs);
    await poll(
      'the gateway listens',
      () => {
        if (gateway.#child.exitCode !== null) throw new Error(`ended: ${gateway.stdout}${gateway.stderr}`);
        return gateway.stdout.includes('listening on ');
      },
      20_000,
    );
    return gateway;
  }

  /** Where it listens, as its log says. */
  get url(): string {
    const url = /listening on (http:\/\/[^,]+),/.exec(this.stdout)?.[1];
    if (url === undefined) throw new Error(`it does not listen: ${this.stdout}`);
    return url;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('not started');
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  call(method: string, path: string, body?: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { method, ...(body === undefined ? {} : { body }) });
  }

  /** Takes a job of a tube, and gives the reservation. */
  async reserve(tube: string): Promise<string> {
    const answer = await this.call('POST', `/v1/tubes/${tube}/reservations`);
    const found = /"reservation":"([^"]+)"/.exec(await answer.text())?.[1];
    if (found === undefined) throw new Error(`nothing to reserve in ${tube}`);
    return found;
  }
}
