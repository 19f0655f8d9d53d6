import { Gauge, type Registry } from 'prom-client';
import type { ServerStats, TubeStats } from '../client/stats.ts';
import type { Pool } from '../pool/pool.ts';
import type { Context } from './context.ts';

/** A scrape must be answered well before Prometheus gives up. */
const WITHIN_MAX_MS = 2_000;
/** All tubes beyond the bound as one; no tube can have this name. */
const OTHER_TUBES = '*';

type Figures = Readonly<Record<string, unknown>>;

/** beanstalkd's own figures, asked for when Prometheus asks. */
export class BeanstalkdMetrics {
  readonly #pool: Pool;
  readonly #registry: Registry;
  readonly #tubesMax: number;
  readonly #withinMs: number;
  readonly #up: Gauge;
  readonly #server = new Map<string, Gauge>();
  readonly #tubes = new Map<string, Gauge<'tube'>>();
  #refreshing: Promise<void> | undefined;

  constructor({ pool, limits, commandTimeoutMs }: Context, registry: Registry) {
    this.#pool = pool;
    this.#registry = registry;
    this.#tubesMax = limits.metricsTubesMax;
    this.#withinMs = Math.min(WITHIN_MAX_MS, commandTimeoutMs);
    this.#up = new Gauge({
      name: 'beanstalkd_up',
      help: 'Whether beanstalkd answered.',
      registers: [registry],
    });
  }

  /** Those who ask at the same time share one look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const figures = await within(
      this.#withinMs,
      Promise.all([this.#pool.server.stats(), this.#pool.tubes.list()]),
    );
    for (const gauge of [...this.#server.values(), ...this.#tubes.values()]) gauge.reset();
    this.#up.set(figures === undefined ? 0 : 1);
    if (figures === undefined) {
      // A gauge without labels would show 0 once it was reset.
      for (const gauge of this.#server.values()) gauge.remove();
      return;
    }
    const [server, tubes] = figures;
    this.#showServer(server);
    for (const [name, tube] of this.#grouped(tubes)) this.#showTube(name, tube);
  }

  #showServer(stats: ServerStats): void {
    for (const [field, value] of numbers(stats)) {
      // Numbers that measure nothing.
      if (field === 'pid') continue;
      let gauge = this.#server.get(field);
      if (gauge === undefined) {
        gauge = new Gauge({
          name: `beanstalkd_${snakeCase(field)}`,
          help: `"${kebabCase(field)}" of beanstalkd's stats.`,
          registers: [this.#registry],
        });
        this.#server.set(field, gauge);
      }
      gauge.set(value);
    }
  }

  #showTube(tube: string, figures: Figures): void {
    for (const [field, value] of numbers(figures)) {
      let gauge = this.#tubes.get(field);
      if (gauge === undefined) {
        gauge = new Gauge({
          name: `beanstalkd_tube_${snakeCase(field)}`,
          help: `"${kebabCase(field)}" of beanstalkd's stats-tube.`,
          labelNames: ['tube'],
          registers: [this.#registry],
        });
        this.#tubes.set(field, gauge);
      }
      gauge.set({ tube }, value);
    }
  }

  /** The first tubes by name have series of their own: the same ones at every scrape. */
  #grouped(tubes: readonly TubeStats[]): (readonly [string, Figures])[] {
    if (tubes.length <= this.#tubesMax) return tubes.map((tube) => [tube.name, tube]);
    const byName = tubes.slice(0, this.#tubesMax).map((tube) => [tube.name, tube] as const);
    const rest: Record<string, number> = {};
    for (const tube of tubes.slice(this.#tubesMax)) {
      for (const [field, value] of numbers(tube)) rest[field] = (rest[field] ?? 0) + value;
    }
    return [...byName, [OTHER_TUBES, rest]];
  }
}

const numbers = (figures: Figures): [string, number][] =>
  Object.entries(figures).filter((entry): entry is [string, number] => typeof entry[1] === 'number');

const snakeCase = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const kebabCase = (field: string) => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Undefined when it fails or takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
