import type { TestContext } from 'vitest';
import { parseAddress } from '../../src/client/address.ts';
import type { PoolOptions } from '../../src/pool/pool.ts';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { LOOPBACK } from '../support/place.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { ByteProxy } from './byte-proxy.ts';
import { type Answer, call, type Sent } from './http.ts';
import { type Reservation, reservationsIn } from './laboratory.ts';

/** A gateway in this process, so that it is known what it is about; of beanstalkd it hears what the proxy lets through. */
export class Proxied {
  readonly beanstalkd: Beanstalkd;
  readonly proxy: ByteProxy;
  readonly gateway: TestGateway;
  readonly raw: RawConnection;

  private constructor(beanstalkd: Beanstalkd, proxy: ByteProxy, gateway: TestGateway, raw: RawConnection) {
    this.beanstalkd = beanstalkd;
    this.proxy = proxy;
    this.gateway = gateway;
    this.raw = raw;
  }

  static async open({ onTestFinished }: TestContext, pool: Partial<PoolOptions> = {}): Promise<Proxied> {
    const beanstalkd = await Beanstalkd.start();
    const proxy = await ByteProxy.start(beanstalkd.address);
    const gateway = await startGateway({ address: parseAddress(proxy.url) }, { pool });
    onTestFinished(async () => {
      await gateway.stop();
      proxy.close();
      await beanstalkd.stop();
    });
    return new Proxied(beanstalkd, proxy, gateway, await beanstalkd.raw());
  }

  call(method: string, path: string, sent?: Sent): Promise<Answer> {
    return call(LOOPBACK, this.gateway.url, method, path, sent);
  }

  put(tube: string, body: string): Promise<Answer> {
    return this.call('POST', `/v1/tubes/${tube}/jobs`, { body });
  }

  async reserve(tube: string, query = ''): Promise<Reservation[]> {
    return reservationsIn(await this.call('POST', `/v1/tubes/${tube}/reservations${query}`));
  }

  async reserveOne(tube: string, query = ''): Promise<Reservation> {
    const [one] = await this.reserve(tube, query);
    if (one === undefined) throw new Error('no job came');
    return one;
  }
}
