import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import type { RawConnection } from '../support/raw-connection.ts';

export interface Reservation {
  readonly reservation: string;
  readonly job: { readonly id: string; readonly tube: string; readonly reserves: number };
  readonly body: string;
  readonly encoding: string;
  readonly expiresAt: string;
}

interface Result {
  readonly status: number;
  readonly id?: string;
  readonly type?: string;
  readonly expiresAt?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export const jsonOf = (answer: Answer): unknown => JSON.parse(answer.bytes.toString());

const stringIn = (value: unknown, name: string): string => {
  const member: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof member !== 'string') throw new Error(`no ${name} in ${JSON.stringify(value)}`);
  return member;
};

/** The id of a job that was put. */
export const idIn = (answer: Answer): string => {
  expect(answer.status, answer.bytes.toString()).toBe(201);
  return stringIn(jsonOf(answer), 'id');
};

export const expiresAtIn = (answer: Answer): number => Date.parse(stringIn(jsonOf(answer), 'expiresAt'));

export const reservationsIn = (answer: Answer): Reservation[] => {
  expect(answer.status, answer.bytes.toString()).toBe(200);
  return (jsonOf(answer) as { reservations: Reservation[] }).reservations;
};

export const resultsIn = (answer: Answer): Result[] => {
  expect(answer.status, answer.bytes.toString()).toBe(200);
  return (jsonOf(answer) as { results: Result[] }).results;
};

export const bytesIn = ({ body, encoding }: Reservation): Buffer =>
  Buffer.from(body, encoding === 'base64' ? 'base64' : 'utf-8');

/** That it is this problem in its full form, and nothing was done. */
export function expectProblem(answer: Answer, status: number, name: string, members: object = {}): void {
  expect(answer.headers['content-type'], answer.bytes.toString()).toBe(
    'application/problem+json; charset=utf-8',
  );
  expect(jsonOf(answer)).toMatchObject({
    type: `/problems/${name}`,
    status,
    title: expect.any(String),
    detail: expect.any(String),
    requestId: answer.headers['x-request-id'],
    ...members,
  });
  expect(answer.status).toBe(status);
}

type Options = Parameters<typeof startGateway>[1] & { readonly args?: readonly string[] };

/** A beanstalkd, a gateway on a real port before it, and a view from behind. */
export class House {
  readonly beanstalkd: Beanstalkd;
  readonly gateway: TestGateway;
  readonly raw: RawConnection;
  readonly #agent = new Agent({ keepAlive: true });
  #tubes = 0;

  private constructor(beanstalkd: Beanstalkd, gateway: TestGateway, raw: RawConnection) {
    this.beanstalkd = beanstalkd;
    this.gateway = gateway;
    this.raw = raw;
  }

  static async open({ args = [], ...options }: Options = {}): Promise<House> {
    const beanstalkd = await Beanstalkd.start(...args);
    return new House(beanstalkd, await startGateway(beanstalkd, options), await beanstalkd.raw());
  }

  /** Closed when the test is over. */
  static async forTest(options?: Options): Promise<House> {
    const house = await House.open(options);
    onTestFinished(() => house.close());
    return house;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.beanstalkd.signal('SIGCONT');
    await this.gateway.stop();
    await this.beanstalkd.stop();
  }

  /** A tube that no other test has. */
  tube(): string {
    this.#tubes += 1;
    return `t${this.#tubes}`;
  }

  /** The path goes out as it is: no client rewrites it. */
  call(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.gateway.url);
      const asked = request({ hostname, port, method, path, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes: Buffer.concat(chunks),
          }),
        );
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  post(path: string, sent?: Sent): Promise<Answer> {
    return this.call('POST', path, sent);
  }

  async put(tube: string, body: string | Uint8Array = 'x', query = ''): Promise<string> {
    return idIn(await this.post(`/v1/tubes/${encodeURIComponent(tube)}/jobs${query}`, { body }));
  }

  /** Several jobs as one JSON document. */
  batch(tube: string, jobs: readonly unknown[]): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    return this.post(`/v1/tubes/${tube}/jobs/batch`, { headers, body: JSON.stringify({ jobs }) });
  }

  settle(settle: readonly unknown[]): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    return this.post('/v1/reservations/batch', { headers, body: JSON.stringify({ settle }) });
  }

  async reserve(tube: string, query = ''): Promise<Reservation[]> {
    return reservationsIn(await this.post(`/v1/tubes/${encodeURIComponent(tube)}/reservations${query}`));
  }

  async reserveOne(tube: string, query = ''): Promise<Reservation> {
    const [one, ...more] = await this.reserve(tube, query);
    if (one === undefined || more.length > 0) throw new Error(`no single job: ${more.length}`);
    return one;
  }

  /** A caller by hand, which reads nothing and may go away. */
  caller(path: string, headers = ''): Socket {
    const { port } = new URL(this.gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(ask(path, headers));
    onTestFinished(() => void socket.destroy());
    return socket;
  }

  async body(id: string): Promise<Buffer | undefined> {
    const [word, , length] = (await this.raw.command(`peek ${id}`)).split(' ');
    return word === 'FOUND' ? this.raw.bytes(Number(length)) : undefined;
  }

  async stat(id: string): Promise<Record<string, string>> {
    const stats = await this.raw.stats(`stats-job ${id}`);
    if (stats === undefined) throw new Error(`there is no job ${id}`);
    return stats;
  }

  async figure(field: string): Promise<number> {
    return Number((await this.raw.stats('stats'))?.[field]);
  }

  async tubeFigure(tube: string, field: string): Promise<number> {
    return Number((await this.raw.stats(`stats-tube ${tube}`))?.[field] ?? 0);
  }

  untilState(id: string, state: string, withinMs = 1_000): Promise<void> {
    return poll(`${id} is ${state}`, async () => (await this.raw.stateOf(id)) === state, withinMs);
  }

  untilWaiting(tube: string, connections = 1): Promise<void> {
    return poll(
      `${connections} connections wait for ${tube}`,
      async () => (await this.tubeFigure(tube, 'current-waiting')) === connections,
    );
  }

  /** Until the gateway keeps nothing for anybody. */
  untilNothingIsLeft(): Promise<void> {
    return poll('nothing is left', () => {
      const { waiters, reservations, bodyBytes, connections } = this.gateway.pool.snapshot();
      return waiters === 0 && reservations === 0 && bodyBytes === 0 && connections.waiting === 0;
    });
  }
}

export const ask = (path: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: gateway\r\n${headers}\r\n`;
