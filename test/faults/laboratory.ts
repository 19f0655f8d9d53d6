import { onTestFinished } from 'vitest';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { LOOPBACK, type Place } from '../support/place.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { type Answer, call, type Sent } from './http.ts';

export interface Reservation {
  readonly reservation: string;
  readonly job: { readonly id: string; readonly tube: string; readonly reserves: number };
  readonly body: string;
  readonly expiresAt: string;
}

export interface LaboratoryOptions {
  /** Where beanstalkd runs. */
  readonly server?: Place;
  /** Where the gateway runs, and where it is called from. */
  readonly gateway?: Place;
  /** Arguments of beanstalkd. */
  readonly args?: readonly string[];
  /** Settings of the gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the gateway is told to dial instead of beanstalkd itself. */
  readonly via?: (beanstalkd: Beanstalkd) => string | Promise<string>;
}

/** A real beanstalkd, the gateway as a process before it, and a view from behind. Gone when the test is over. */
export class Laboratory {
  readonly beanstalkd: Beanstalkd;
  readonly gateway: GatewayProcess;
  readonly raw: RawConnection;
  readonly #callers: Place;

  private constructor(beanstalkd: Beanstalkd, gateway: GatewayProcess, raw: RawConnection, callers: Place) {
    this.beanstalkd = beanstalkd;
    this.gateway = gateway;
    this.raw = raw;
    this.#callers = callers;
  }

  /** @param finished the test's own `onTestFinished`, which a concurrent test must hand over */
  static async open(options: LaboratoryOptions = {}, finished = onTestFinished): Promise<Laboratory> {
    const { server = LOOPBACK, gateway: place = LOOPBACK, args = [], env = {}, via } = options;
    const beanstalkd = await Beanstalkd.startAt(server, ...args);
    finished(() => beanstalkd.stop());
    const url = via === undefined ? beanstalkd.url : await via(beanstalkd);
    const gateway = new GatewayProcess([], { BEANSTALKD_URL: url, ...env }, [], place.inside);
    finished(() => gateway.signal('SIGKILL'));
    await gateway.untilListening();
    return new Laboratory(beanstalkd, gateway, await beanstalkd.raw(), place);
  }

  call(method: string, path: string, sent?: Sent): Promise<Answer> {
    return call(this.#callers, this.gateway.url, method, path, sent);
  }

  put(tube: string, body = 'x', query = ''): Promise<Answer> {
    return this.call('POST', `/v1/tubes/${tube}/jobs${query}`, { body });
  }

  reserve(tube: string, query = ''): Promise<Answer> {
    return this.call('POST', `/v1/tubes/${tube}/reservations${query}`);
  }

  /** The one job that must come. */
  async reserveOne(tube: string, query = ''): Promise<Reservation> {
    const [one, ...more] = reservationsIn(await this.reserve(tube, query));
    if (one === undefined || more.length > 0) throw new Error(`no single job: ${more.length}`);
    return one;
  }

  /** A figure of `/metrics`, by its name without the prefix, with its labels where it has some. */
  async figure(name: string): Promise<number> {
    const { bytes } = await this.call('GET', '/metrics');
    const line = bytes
      .toString()
      .split('\n')
      .find((one) => one.startsWith(`beanstalkd_gateway_${name} `));
    if (line === undefined) throw new Error(`/metrics has no ${name}`);
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  }

  untilFigure(name: string, value: number, withinMs?: number): Promise<void> {
    return poll(`${name} is ${value}`, async () => (await this.figure(name)) === value, withinMs);
  }

  untilState(id: string, state: string | undefined, withinMs = 1_000): Promise<void> {
    return poll(`${id} is ${state}`, async () => (await this.raw.stateOf(id)) === state, withinMs);
  }

  /** Until so many connections wait for the tube, as beanstalkd sees it. */
  untilWaiting(tube: string, connections = 1): Promise<void> {
    return poll(
      `${connections} connections wait for ${tube}`,
      async () =>
        Number((await this.raw.stats(`stats-tube ${tube}`))?.['current-waiting'] ?? 0) === connections,
    );
  }
}

export const jsonOf = (answer: Answer): unknown => JSON.parse(answer.bytes.toString());

export function reservationsIn(answer: Answer): Reservation[] {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.bytes.toString()}`);
  return (jsonOf(answer) as { reservations: Reservation[] }).reservations;
}

/** What an answer says that matters here, to be compared at one glance. */
export const saying = (answer: Answer): { status: number; type?: unknown; outcome?: unknown } => {
  const { type, outcome } = answer.status < 400 ? {} : (jsonOf(answer) as { type: string; outcome?: string });
  return {
    status: answer.status,
    ...(type === undefined ? {} : { type: type.replace('/problems/', '') }),
    ...(outcome === undefined ? {} : { outcome }),
  };
};

/** For what time alone brings about. */
export const until = (moment: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - performance.now())));
