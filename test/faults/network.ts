import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Place } from '../support/place.ts';

const DIALLER = join(import.meta.dirname, 'dialler.mjs');
const run = promisify(execFile);

/** A Ctrl-C ends whoever it is for, who may still need the network; it is gone when that one is. */
const APART = { detached: true } as const;

/** Why no namespace can be made here; undefined where it can. */
export function whyNoNetwork(): string | undefined {
  const { status, error, stderr } = spawnSync('unshare', [
    '--net',
    'ip',
    'link',
    'add',
    'br0',
    'type',
    'bridge',
  ]);
  if (status === 0) return undefined;
  return `no network namespace can be made here (${error?.message ?? stderr.toString().trim()})`;
}

/**
 * Network namespaces joined by a bridge, as hosts are by a switch. Each lives as long as a process of ours in it,
 * so that nothing is left of them, however the test ends.
 */
export class Network {
  readonly #bridge: ChildProcess;
  readonly #hosts: Host[] = [];

  private constructor(bridge: ChildProcess) {
    this.#bridge = bridge;
  }

  static async open(): Promise<Network> {
    const bridge = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      ...APART,
    });
    await once(bridge.stdout, 'data');
    const network = new Network(bridge);
    await network.#in(bridge, 'ip', 'link', 'add', 'br0', 'type', 'bridge');
    await network.#in(bridge, 'ip', 'link', 'set', 'br0', 'up');
    return network;
  }

  /** One more host, plugged in. */
  async host(): Promise<Host> {
    const number = this.#hosts.length + 1;
    const dialler = spawn('unshare', ['--net', process.execPath, DIALLER], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      ...APART,
    });
    await once(dialler, 'message');
    const address = addressOf(number);
    const port = `port${number}`;
    const bridge = this.#bridge;
    await this.#in(
      bridge,
      'ip',
      'link',
      'add',
      port,
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      pidOf(dialler),
    );
    await this.#in(bridge, 'ip', 'link', 'set', port, 'master', 'br0', 'up');
    await this.#in(dialler, 'ip', 'link', 'set', 'eth0', 'address', hardwareOf(number));
    await this.#in(dialler, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await this.#in(dialler, 'ip', 'link', 'set', 'eth0', 'up');
    await this.#in(dialler, 'ip', 'link', 'set', 'lo', 'up');
    for (const [at, { inside }] of this.#hosts.entries()) {
      await run('nsenter', [...inside.slice(1), ...knowing(number)]);
      await this.#in(dialler, ...knowing(at + 1));
    }
    const host = new Host(address, dialler, (plugged) =>
      this.#in(bridge, 'ip', 'link', 'set', port, ...(plugged ? ['master', 'br0'] : ['nomaster'])),
    );
    this.#hosts.push(host);
    return host;
  }

  close(): void {
    for (const host of this.#hosts) host.close();
    this.#bridge.kill('SIGKILL');
  }

  async #in(anchor: ChildProcess, ...command: string[]): Promise<void> {
    const [program = '', ...args] = [...enter(anchor), ...command];
    await run(program, args);
  }
}

/** A namespace with an address of its own. */
export class Host implements Place {
  readonly address: string;
  readonly #dialler: ChildProcess;
  readonly #plug: (plugged: boolean) => Promise<void>;
  readonly #calls = new Map<number, { resolve(socket: Socket): void; reject(error: Error): void }>();
  #calledBefore = 0;

  constructor(address: string, dialler: ChildProcess, plug: (plugged: boolean) => Promise<void>) {
    this.address = address;
    this.#dialler = dialler;
    this.#plug = plug;
    dialler.on('message', (message, socket) => this.#answer(message as DiallerAnswer, socket as Socket));
  }

  get inside(): readonly string[] {
    return enter(this.#dialler);
  }

  /** Unplugs it from the bridge: its carrier stays up, and nothing arrives any more, no FIN and no RST. */
  cut(): Promise<void> {
    return this.#plug(false);
  }

  heal(): Promise<void> {
    return this.#plug(true);
  }

  dial = (port: number, address = this.address): Promise<Socket> => {
    this.#calledBefore += 1;
    const call = this.#calledBefore;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#dialler.send({ call, port, address });
    });
  };

  close(): void {
    this.#dialler.kill('SIGKILL');
  }

  #answer({ call, error }: DiallerAnswer, socket: Socket): void {
    const asked = this.#calls.get(call);
    this.#calls.delete(call);
    if (error === undefined) asked?.resolve(socket);
    else asked?.reject(new Error(error));
  }
}

interface DiallerAnswer {
  readonly call: number;
  readonly error?: string;
}

const addressOf = (number: number): string => `10.99.0.${number}`;
const hardwareOf = (number: number): string => `02:00:00:00:00:0${number}`;

/** For good: as behind a router, nobody is told that a host which was cut off cannot be reached. */
const knowing = (number: number): string[] => {
  const neighbour = [addressOf(number), 'lladdr', hardwareOf(number), 'dev', 'eth0', 'nud', 'permanent'];
  return ['ip', 'neighbour', 'replace', ...neighbour];
};

const pidOf = ({ pid }: ChildProcess): string => {
  if (pid === undefined) throw new Error('not started');
  return String(pid);
};

const enter = (anchor: ChildProcess): string[] => ['nsenter', `--net=/proc/${pidOf(anchor)}/ns/net`];
