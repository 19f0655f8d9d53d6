import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, poll } from '../test/support/beanstalkd.ts';
import { type Core, MEASURED, Pinned, runPinned, THE_REST } from './pinned.ts';
import { RestartableBeanstalkd } from './restartable-beanstalkd.ts';

/** Compiled, this file is in bench/dist/bench/. */
const COMPILED = import.meta.dirname;
const GATEWAY = join(COMPILED, '../../../dist/main.js');

const STARTED_WITHIN_MS = 20_000;

/** Something under test that speaks HTTP. */
export interface Server {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** What runs while something is measured: a beanstalkd, and the servers that were asked for. */
export class Lab {
  /** The Node that runs what is measured. */
  readonly node: string;
  /** Its version, such as 20.20.2. */
  readonly version: string;
  /** For files of a run; removed at the end. */
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly beanstalkd: RestartableBeanstalkd;
  readonly #running = new Set<Pinned>();
  readonly #abandon = () => rmSync(this.folder, { recursive: true, force: true });

  private constructor(node: string, version: string, beanstalkd: RestartableBeanstalkd) {
    this.node = node;
    this.version = version;
    this.beanstalkd = beanstalkd;
    process.on('exit', this.#abandon);
  }

  get major(): number {
    return Number.parseInt(this.version, 10);
  }

  static async open(node: string): Promise<Lab> {
    const version = await runPinned(THE_REST, [node, '-p', 'process.versions.node']);
    return new Lab(node, version.trim(), await RestartableBeanstalkd.start());
  }

  /** The gateway as an operator runs it: with the settings given and the defaults else. */
  async gateway(env: Readonly<Record<string, string>> = {}): Promise<Server> {
    const port = await freePort();
    const started = this.start(MEASURED, [this.node, GATEWAY], {
      BEANSTALKD_URL: `beanstalkd://127.0.0.1:${this.beanstalkd.port}`,
      PORT: String(port),
      ...env,
    });
    const server = this.#server(started, port);
    await untilReady(server, started);
    return server;
  }

  /**
   * A program of servers/, which is given its port and beanstalkd's, and prints `listening` once it serves.
   * @param file as compiled, such as `bare-fastify.js`
   */
  async server(file: string, ...args: readonly string[]): Promise<Server> {
    const port = await freePort();
    const ports = [String(port), String(this.beanstalkd.port)];
    const started = this.start(MEASURED, [this.node, join(COMPILED, 'servers', file), ...ports, ...args]);
    await until(`${file} listens`, started, async () => started.output.includes('listening'));
    return this.#server(started, port);
  }

  /** Any other process; ended with the lab at the latest. */
  start(core: Core, command: readonly string[], env: Readonly<Record<string, string>> = {}): Pinned {
    const started = new Pinned(core, command, env);
    this.#running.add(started);
    return started;
  }

  /**
   * Runs a program of programs/ to its end, and gives what it printed: one line of JSON.
   * @param file as compiled, such as `client.js`
   */
  async program(core: Core, file: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const command = [this.node, join(COMPILED, 'programs', file), ...args.map(String)];
    return JSON.parse(await runPinned(core, command));
  }

  async close(): Promise<void> {
    process.off('exit', this.#abandon);
    await Promise.all([...this.#running].map((started) => started.stop()));
    await this.beanstalkd.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #server(started: Pinned, port: number): Server {
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      pid: started.pid,
      stop: async () => {
        await started.stop();
        this.#running.delete(started);
      },
    };
  }
}

/** Waits until the gateway can reach beanstalkd, as after a restart of it. */
export const untilReady = ({ url }: Pick<Server, 'url'>, started?: Pinned): Promise<void> =>
  until('the gateway is ready', started, async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer?.status === 200;
  });

const until = (what: string, started: Pinned | undefined, isSo: () => Promise<boolean>): Promise<void> =>
  poll(
    what,
    () => {
      started?.expectAlive();
      return isSo();
    },
    STARTED_WITHIN_MS,
  );
