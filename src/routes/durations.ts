type Labels = Readonly<Record<string, string>>;

interface DurationsOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

/**
 * A histogram of durations for Prometheus. prom-client's makes objects and hashes labels at every observation,
 * which is an eighth of a put (docs/PERFORMANCE.md); here a series is asked for once, and then only counts.
 */
export class Durations {
  readonly #options: DurationsOptions;
  readonly #series: Series[] = [];

  constructor(options: DurationsOptions) {
    this.#options = options;
  }

  /** To be asked for once for each set of labels; no value may need escaping. */
  series(labels: Labels): Series {
    const series = new Series(labels, this.#options.buckets);
    this.#series.push(series);
    return series;
  }

  /** In the text format of Prometheus. */
  text(): string {
    const { name, help } = this.#options;
    const samples = this.#series.flatMap((series) => series.samples(name));
    return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...samples, ''].join('\n');
  }
}

/** The durations observed under one set of labels. */
export class Series {
  readonly #labels: string;
  readonly #bounds: readonly number[];
  /** For each bound those not above it and above the one before; the last is for those above all. */
  readonly #counts: number[];
  #sum = 0;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.#labels = Object.entries(labels)
      .map(([label, value]) => `${label}="${value}"`)
      .join(',');
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(seconds: number): void {
    let at = 0;
    for (const bound of this.#bounds) {
      if (seconds <= bound) break;
      at += 1;
    }
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  samples(name: string): string[] {
    let count = 0;
    const buckets = this.#counts.map((here, at) => {
      count += here;
      return `${name}_bucket{le="${this.#bounds[at] ?? '+Inf'}",${this.#labels}} ${count}`;
    });
    return [
      ...buckets,
      `${name}_sum{${this.#labels}} ${this.#sum}`,
      `${name}_count{${this.#labels}} ${count}`,
    ];
  }
}
