import { KeyFile } from '../routes/keyed.ts';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { startGateway } from '../support/gateway.ts';
import { ProblemMirror } from './problem-mirror.ts';

/** The tubes of the stories, and those of docs/CLIENTS.md. The key covers no others. */
const TUBES = ['story-*', 'mail', 'sms'];

/** What a generated client is let loose on. Programs get it as their environment. */
export class Stage {
  readonly environment: Readonly<Record<string, string>>;
  readonly #close: () => Promise<void>;

  private constructor(environment: Readonly<Record<string, string>>, close: () => Promise<void>) {
    this.environment = environment;
    this.#close = close;
  }

  static async open(): Promise<Stage> {
    const beanstalkd = await Beanstalkd.start();
    const open = await startGateway(beanstalkd);
    const keys = new KeyFile({ insider: { rights: ['produce', 'consume'], tubes: TUBES } });
    const keyed = await startGateway(beanstalkd, {
      app: {
        admission: {
          keys: keys.keys,
          openMetrics: false,
          openDocs: false,
          waitsPerKey: 0,
          reservationsPerKey: 0,
        },
      },
    });
    const mirror = await ProblemMirror.open(open.app.swagger());
    const environment = {
      GATEWAY_URL: open.url,
      KEYED_URL: keyed.url,
      KEY: keys.headers('insider').authorization.replace('Bearer ', ''),
      MIRROR_URL: mirror.url,
      MIRRORED: mirror.problems.join(','),
    };
    return new Stage(environment, async () => {
      await mirror.close();
      await Promise.all([open.stop(), keyed.stop()]);
      keys.close();
      await beanstalkd.stop();
    });
  }

  /** The same with the gateway that wants the key in the place of the open one. */
  get keyed(): Readonly<Record<string, string>> {
    return { ...this.environment, GATEWAY_URL: this.environment['KEYED_URL'] ?? '' };
  }

  close(): Promise<void> {
    return this.#close();
  }
}
