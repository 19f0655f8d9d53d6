import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test as base, expect, onTestFinished } from 'vitest';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { startGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { type Answer, at, Contract, expectProblem, STATUS_OF } from './contract.ts';

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Leaves when it aborts. */
  readonly signal?: AbortSignal;
}

/** Calls over a real port, the path as it stands; each answer is held against the contract. */
export class Calls {
  readonly contract: Contract;
  readonly port: number;

  constructor(gateway: TestGateway) {
    this.contract = new Contract(gateway.app.swagger());
    this.port = Number(new URL(gateway.url).port);
  }

  async call(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const answer = await ask(this.port, method, path, asked);
    expect(answer.headers['x-request-id']).toMatch(/^[A-Za-z0-9._~-]{1,128}$/);
    if (path.startsWith('/v1/')) expect(answer.headers['cache-control']).toBe('no-store');
    if (answer.status >= 400 && method !== 'HEAD') {
      expectProblem(answer, path.startsWith('/v1/') && method !== 'GET');
    }
    this.contract.expectDocumented(method, path, answer);
    return answer;
  }

  /** What must be answered with this status; its JSON, or undefined where there is none. */
  async ok(status: number, method: string, path: string, asked?: Asked): Promise<unknown> {
    const answer = await this.call(method, path, asked);
    expect(answer.status, `${method} ${path}: ${answer.text.slice(0, 300)}`).toBe(status);
    return answer.body.length === 0 ? undefined : answer.json();
  }

  /** What must be answered with this problem. */
  async problem(
    name: string,
    method: string,
    path: string,
    asked?: Asked,
  ): Promise<Answer & { readonly problem: unknown }> {
    const answer = await this.call(method, path, asked);
    expect(answer.status, `${method} ${path}: ${answer.text.slice(0, 300)}`).toBe(STATUS_OF[name]);
    const problem = answer.json();
    expect(at(problem, 'type'), `${method} ${path}`).toBe(`/problems/${name}`);
    return { ...answer, problem };
  }

  /** Takes the next job of the tube; the reservation. */
  async reserve(tube: string): Promise<string> {
    const answer = await this.ok(200, 'POST', `/v1/tubes/${tube}/reservations`);
    const token = at(answer, 'reservations', 0, 'reservation');
    if (typeof token !== 'string') throw new Error(`nothing to reserve in ${tube}`);
    return token;
  }

  /** A raw socket, for what no HTTP client sends. Closed when the test is over. */
  async socket(): Promise<RawSocket> {
    const socket = connect(this.port, '127.0.0.1');
    await once(socket, 'connect');
    onTestFinished(() => void socket.destroy());
    return new RawSocket(socket);
  }
}

function ask(port: number, method: string, path: string, asked: Asked): Promise<Answer> {
  const { headers = {}, body, signal } = asked;
  const chunked = headers['transfer-encoding'] !== undefined;
  const length = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: { ...length, ...headers },
    };
    const sent = request({ ...options, ...(signal === undefined ? {} : { signal }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks))),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const text = body.toString();
  return { status, headers, body, text, json: (): unknown => JSON.parse(text) };
}

/** Bytes to the gateway and back. */
export class RawSocket {
  readonly #socket: Socket;
  #received = '';
  closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** The one answer that has come, its length declared. */
  async answer(): Promise<Answer> {
    await poll('an answer comes', () => this.#parse() !== undefined || this.closed);
    const answer = this.#parse();
    if (answer === undefined) throw new Error(`closed after: ${this.#received}`);
    return answer;
  }

  async untilClosed(): Promise<void> {
    await poll('the gateway closes', () => this.closed);
  }

  #parse(): Answer | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [first = '', ...lines] = this.#received.slice(0, end).split('\r\n');
    const headers: IncomingHttpHeaders = {};
    for (const line of lines) {
      const colon = line.indexOf(': ');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
    }
    const body = Buffer.from(this.#received.slice(end + 4), 'latin1');
    if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
    return answerOf(Number(first.split(' ')[1]), headers, body);
  }
}

export interface House {
  readonly beanstalkd: Beanstalkd;
  readonly gateway: TestGateway;
  readonly calls: Calls;
  readonly raw: RawConnection;
  close(): Promise<void>;
}

export interface HouseOptions extends TestGatewayOptions {
  /** Of beanstalkd. */
  readonly args?: readonly string[];
}

/** A beanstalkd, a gateway that knows it already, and a view from behind; closed by whoever opened it. */
export async function openHouse({ args = [], ...options }: HouseOptions = {}): Promise<House> {
  const beanstalkd = await Beanstalkd.start(...args);
  const gateway = await startGateway(beanstalkd, options);
  const calls = new Calls(gateway);
  await poll('the gateway is ready', async () => (await calls.call('GET', '/readyz')).status === 200);
  return {
    beanstalkd,
    gateway,
    calls,
    raw: await beanstalkd.raw(),
    close: async () => {
      await beanstalkd.stop();
      await gateway.stop();
    },
  };
}

/** A test that opens houses of its own; they are closed when it has finished. */
export const test = base.extend<{ open: (options?: HouseOptions) => Promise<House> }>({
  open: async ({ onTestFinished: atEnd }, use) => {
    await use(async (options) => {
      const house = await openHouse(options);
      atEnd(() => house.close());
      return house;
    });
  },
});
