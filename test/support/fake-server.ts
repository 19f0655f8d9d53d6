import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Address } from '../../src/client/address.ts';
import type { Connection } from '../../src/client/connection.ts';
import type { ConnectionOptions } from '../../src/client/connection-options.ts';
import { poll } from './beanstalkd.ts';
import { connectionTo } from './connection.ts';

/** A listener that says what the test tells it to: what no real beanstalkd can be made to say. */
export class FakeServer {
  readonly #server: Server;
  readonly #peers: FakePeer[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#peers.push(new FakePeer(socket)));
  }

  /** Closed when the test is over. */
  static async start(): Promise<FakeServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const fake = new FakeServer(server);
    onTestFinished(() => fake.stop());
    return fake;
  }

  get address(): Address {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { host: '127.0.0.1', port: address.port };
  }

  /** Who dials next, or has dialled and was not asked for yet. */
  async peer(): Promise<FakePeer> {
    await poll('somebody dials', () => this.#peers.length > 0);
    const peer = this.#peers.shift();
    if (peer === undefined) throw new Error('nobody dialled');
    return peer;
  }

  stop(): void {
    this.#server.close();
    for (const peer of this.#peers) peer.close();
  }
}

/** The server's end of one connection. */
export class FakePeer {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  closed = false;
  /** In how many pieces all that came has come. */
  reads = 0;

  constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (chunk: Buffer) => {
      this.reads += 1;
      this.#chunks.push(chunk);
    });
    onTestFinished(() => this.close());
  }

  /** All that has come and was not taken yet. */
  get received(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  /** Takes exactly these bytes; fails when others have come, or none. */
  async takes(expected: string): Promise<void> {
    await poll(`${JSON.stringify(expected.slice(0, 80))} has come`, () => {
      const received = this.received;
      if (!received.startsWith(expected.slice(0, received.length))) {
        throw new Error(`came: ${JSON.stringify(received.slice(0, 200))}`);
      }
      return received.length >= expected.length;
    });
    const rest = this.received.slice(expected.length);
    this.#chunks.length = 0;
    if (rest !== '') this.#chunks.push(Buffer.from(rest, 'latin1'));
  }

  says(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A connection that has shaken hands with a fake, and the fake's end of it. */
export async function fakePair(
  options?: Partial<ConnectionOptions>,
): Promise<{ connection: Connection; peer: FakePeer }> {
  const server = await FakeServer.start();
  const dialling = connectionTo(server.address, options);
  const peer = await server.peer();
  await peer.takes('list-tube-used\r\n');
  peer.says('USING default\r\n');
  return { connection: await dialling, peer };
}
