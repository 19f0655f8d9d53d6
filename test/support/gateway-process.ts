import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { poll } from './beanstalkd.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The gateway as a process of its own, as an operator runs it. */
export class GatewayProcess {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';

  /** @param inside the command that runs another one where the gateway is to run; empty for here */
  constructor(
    args: readonly string[],
    env: Record<string, string> = {},
    nodeArgs: readonly string[] = [],
    inside: readonly string[] = [],
  ) {
    const { PATH } = process.env;
    const command = [...inside, process.execPath, '--import', 'tsx', ...nodeArgs, MAIN, ...args];
    this.#child = spawn(command[0] ?? '', command.slice(1), {
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
  }

  untilListening(): Promise<void> {
    return poll(
      'the gateway listens',
      () => {
        if (this.#child.exitCode !== null) throw new Error(`ended: ${this.stdout}${this.stderr}`);
        return this.stdout.includes('listening on ');
      },
      20_000,
    );
  }

  /** Where it listens, as its log says. */
  get url(): string {
    const url = /listening on (https?:\/\/[^,]+),/.exec(this.stdout)?.[1];
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
