import { Beanstalkd } from '../test/support/beanstalkd.ts';
import { LOOPBACK } from '../test/support/place.ts';
import { pinnedTo, THE_REST } from './pinned.ts';

/** beanstalkd without a binlog, on the core of the rest; a restart makes it as empty and as small as a new one. */
export class RestartableBeanstalkd {
  readonly #beanstalkd: Beanstalkd;
  readonly #abandon = () => this.#beanstalkd.signal('SIGKILL');

  private constructor(beanstalkd: Beanstalkd) {
    this.#beanstalkd = beanstalkd;
    process.on('exit', this.#abandon);
  }

  static async start(): Promise<RestartableBeanstalkd> {
    return new RestartableBeanstalkd(await Beanstalkd.startAt({ ...LOOPBACK, inside: pinnedTo(THE_REST) }));
  }

  get port(): number {
    return this.#beanstalkd.port;
  }

  /** Another one after every restart. */
  get pid(): number {
    return this.#beanstalkd.pid;
  }

  async restart(): Promise<void> {
    await this.#beanstalkd.kill();
    await this.#beanstalkd.run();
  }

  /** A figure of a tube; 0 where there is no such tube. */
  async figure(tube: string, name: string): Promise<number> {
    const raw = await this.#beanstalkd.raw();
    const figures = await raw.stats(`stats-tube ${tube}`);
    raw.close();
    return Number(figures?.[name] ?? 0);
  }

  async stop(): Promise<void> {
    process.off('exit', this.#abandon);
    await this.#beanstalkd.stop();
  }
}
