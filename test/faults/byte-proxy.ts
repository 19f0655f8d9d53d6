import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../../src/client/address.ts';

/** The two ends of one connection that goes through the proxy. */
export interface Link {
  readonly gateway: Socket;
  readonly beanstalkd: Socket;
}

/** What becomes of the bytes that beanstalkd said: others, or none. It may do anything to the link as well. */
export type Meddle = (reply: Buffer, link: Link) => Buffer | undefined;

/** Stands on the loopback between a gateway and its beanstalkd, and passes every byte on until told otherwise. */
export class ByteProxy {
  /** Undone by setting it to undefined. */
  meddle: Meddle | undefined;
  readonly #target: Address;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #stalled = false;

  private constructor(server: Server, target: Address) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (gateway) => this.#join(gateway));
  }

  static async start(target: Address): Promise<ByteProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ByteProxy(server, target);
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `beanstalkd://127.0.0.1:${address.port}`;
  }

  /** Connections of this moment. */
  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  /** Nothing passes in either direction until {@link resume}; dials are still accepted. */
  stall(): void {
    this.#stalled = true;
    for (const { gateway, beanstalkd } of this.#links) {
      gateway.pause();
      beanstalkd.pause();
    }
  }

  resume(): void {
    this.#stalled = false;
    for (const { gateway, beanstalkd } of this.#links) {
      gateway.resume();
      beanstalkd.resume();
    }
  }

  /** A reset on all connections, in both directions. */
  reset(): void {
    for (const { gateway, beanstalkd } of this.#links) {
      gateway.resetAndDestroy();
      beanstalkd.resetAndDestroy();
    }
  }

  close(): void {
    this.#server.close();
    this.reset();
  }

  #join(gateway: Socket): void {
    const beanstalkd = connect(this.#target);
    const link = { gateway: gateway.setNoDelay(true), beanstalkd: beanstalkd.setNoDelay(true) };
    this.#links.add(link);
    gateway.on('data', (chunk) => beanstalkd.write(chunk));
    beanstalkd.on('data', (chunk: Buffer) => {
      const said = this.meddle === undefined ? chunk : this.meddle(chunk, link);
      if (said !== undefined && !gateway.destroyed) gateway.write(said);
    });
    for (const [socket, other] of [
      [gateway, beanstalkd],
      [beanstalkd, gateway],
    ] as const) {
      socket.on('error', () => {});
      socket.on('end', () => other.end());
      socket.on('close', () => {
        this.#links.delete(link);
        other.destroy();
      });
    }
    if (this.#stalled) {
      gateway.pause();
      beanstalkd.pause();
    }
  }
}
