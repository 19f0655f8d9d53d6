import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Beanstalkd, freePort } from '../../support/beanstalkd.ts';
import { type Exit, GatewayProcess } from '../../support/gateway-process.ts';
import { LOOPBACK, type Place } from '../../support/place.ts';
import { type Host, Network, whyNoNetwork } from '../network.ts';

/** Settings of the gateway: short, so that a minute holds many faults. */
export const SETTINGS = {
  CONNECT_TIMEOUT_MS: 1_500,
  COMMAND_TIMEOUT_MS: 1_500,
  RESERVE_GRACE_MS: 1_000,
  RESERVE_SLICE: 3,
  KEEPALIVE_DELAY_MS: 1_000,
  SHUTDOWN_GRACE_MS: 2_000,
} as const;

/** Small, so that beanstalkd needs a new file now and then, for which it may have no descriptor. */
const BINLOG_FILE_BYTES = '262144';

/** In a session of its own: a Ctrl-C is for the soak, which goes on to its account. */
const apart = ({ address, inside, dial }: Place): Place => ({
  address,
  inside: process.platform === 'linux' ? ['setsid', ...inside] : inside,
  dial,
});

/** A beanstalkd with its binlog, and the gateway as a process: each on a host of its own where that is allowed. */
export class Site {
  /** Where the gateway runs, and from where it is called. */
  readonly callers: Place;
  readonly beanstalkd: Beanstalkd;
  /** The host of beanstalkd, which can be cut off; undefined where all is on the loopback. */
  readonly server: Host | undefined;
  /** Called when the gateway ends although nobody stopped it. */
  onGatewayLost: (said: string) => void = () => {};
  readonly #network: Network | undefined;
  readonly #port: number;
  readonly #binlog: string;
  #gateway: GatewayProcess | undefined;
  #life = 0;

  private constructor(
    beanstalkd: Beanstalkd,
    { network, server, callers, port, binlog }: Surroundings & { port: number; binlog: string },
  ) {
    this.beanstalkd = beanstalkd;
    this.server = server;
    this.callers = callers;
    this.#network = network;
    this.#port = port;
    this.#binlog = binlog;
    // Also after an error that nobody caught.
    process.on('exit', () => this.#clear());
  }

  static async open(): Promise<Site> {
    const surroundings = await surround();
    const { server = LOOPBACK } = surroundings;
    const binlog = mkdtempSync(join(tmpdir(), 'soak-'));
    const beanstalkd = await Beanstalkd.startAt(apart(server), '-b', binlog, '-f0', '-s', BINLOG_FILE_BYTES);
    const site = new Site(beanstalkd, { ...surroundings, port: await freePort(), binlog });
    await site.startGateway();
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many times the gateway was started. */
  get life(): number {
    return this.#life;
  }

  get gatewayRuns(): boolean {
    return this.#gateway !== undefined;
  }

  async startGateway(): Promise<void> {
    this.#life += 1;
    const env: Record<string, string> = { BEANSTALKD_URL: this.beanstalkd.url, LOG_REQUESTS: 'none' };
    for (const [name, value] of Object.entries(SETTINGS)) env[name] = String(value);
    const gateway = new GatewayProcess(
      [],
      { ...env, PORT: String(this.#port) },
      [],
      apart(this.callers).inside,
    );
    this.#gateway = gateway;
    void gateway.exit.then(({ code, signal }) => {
      if (this.#gateway !== gateway) return;
      this.#gateway = undefined;
      this.onGatewayLost(`code ${code}, signal ${signal}: ${gateway.stderr.slice(-500)}`);
    });
    await gateway.untilListening();
  }

  async stopGateway(signal: 'SIGTERM' | 'SIGKILL'): Promise<Exit | undefined> {
    const gateway = this.#gateway;
    this.#gateway = undefined;
    gateway?.signal(signal);
    return gateway?.exit;
  }

  async restartBeanstalkd(): Promise<void> {
    await this.beanstalkd.kill();
    await this.beanstalkd.run();
  }

  async close(): Promise<void> {
    await this.stopGateway('SIGKILL');
    await this.beanstalkd.stop();
    this.#clear();
  }

  /** At once, whatever is under way. */
  #clear(): void {
    this.#gateway?.signal('SIGKILL');
    this.beanstalkd.signal('SIGKILL');
    this.#network?.close();
    rmSync(this.#binlog, { recursive: true, force: true });
  }
}

interface Surroundings {
  readonly network: Network | undefined;
  readonly server: Host | undefined;
  readonly callers: Place;
}

async function surround(): Promise<Surroundings> {
  const why = whyNoNetwork();
  if (why !== undefined) {
    console.log(`the link is never cut: ${why}`);
    return { network: undefined, server: undefined, callers: LOOPBACK };
  }
  const network = await Network.open();
  return { network, server: await network.host(), callers: await network.host() };
}
