import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Address } from '../../src/client/address.ts';
import { LOOPBACK, type Place } from './place.ts';
import { RawConnection } from './raw-connection.ts';

/** A real beanstalkd on a free port, and what tests do to it. */
export class Beanstalkd {
  readonly port: number;
  readonly #place: Place;
  readonly #args: readonly string[];
  readonly #raw: RawConnection[] = [];
  #process: ChildProcess | undefined;

  private constructor(port: number, place: Place, args: readonly string[]) {
    this.port = port;
    this.#place = place;
    this.#args = args;
  }

  /** On the loopback. */
  static start(...args: string[]): Promise<Beanstalkd> {
    return Beanstalkd.startAt(LOOPBACK, ...args);
  }

  static async startAt(place: Place, ...args: string[]): Promise<Beanstalkd> {
    const beanstalkd = new Beanstalkd(await freePort(), place, args);
    await beanstalkd.run();
    return beanstalkd;
  }

  get address(): Address {
    return { host: this.#place.address, port: this.port };
  }

  get url(): string {
    return `beanstalkd://${this.#place.address}:${this.port}`;
  }

  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('it does not run');
    return this.#process.pid;
  }

  async run(): Promise<void> {
    const { inside, address } = this.#place;
    const command = [...inside, 'beanstalkd', '-l', address, '-p', String(this.port), ...this.#args];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: 'ignore' });
    this.#process = child;
    await poll('beanstalkd listens', async () => {
      if (child.exitCode !== null) throw new Error(`beanstalkd ended with ${child.exitCode}`);
      const probe = await RawConnection.open(this.port, this.#place).catch(() => undefined);
      probe?.close();
      return probe !== undefined;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await exited;
  }

  /** A second view from behind, which knows nothing of the gateway. */
  async raw(): Promise<RawConnection> {
    const raw = await RawConnection.open(this.port, this.#place);
    this.#raw.push(raw);
    return raw;
  }

  async stop(): Promise<void> {
    for (const raw of this.#raw) raw.close();
    await this.kill();
  }
}

/**
 * Below the ports that the system gives to those who dial: one of them could take it before it is used, and a dial to
 * it from itself would be answered by itself.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(10_000, 32_768);
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!free) return freePort();
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks until it is so; fails after `withinMs` with the name of what did not come about. */
export async function poll(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = 5_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
