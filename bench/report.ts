import type { Lab } from './lab.ts';
import { type Figure, type Measured, measure, type Row } from './row.ts';

/** A group of rows and figures, and what must run for them. */
export interface Suite {
  readonly name: string;
  run(lab: Lab, report: Report): Promise<void>;
}

/** What came out on one Node. */
export interface Findings {
  readonly node: string;
  readonly rows: readonly Measured[];
  readonly figures: readonly Figure[];
}

/** Measures what is wanted, and keeps what came out. */
export class Report implements Findings {
  readonly node: string;
  readonly rows: Measured[] = [];
  readonly figures: Figure[] = [];
  readonly #only: string;
  readonly #rounds: number;
  readonly #onRecorded: (line: string) => void;

  /** @param options.only a part of the name of a group or title; empty for all */
  constructor(
    node: string,
    options: { readonly only: string; readonly rounds: number; readonly onRecorded: (line: string) => void },
  ) {
    this.node = node;
    this.#only = options.only.toLowerCase();
    this.#rounds = options.rounds;
    this.#onRecorded = options.onRecorded;
  }

  get rounds(): number {
    return this.#rounds;
  }

  wants(group: string, title: string): boolean {
    return group.toLowerCase().includes(this.#only) || title.toLowerCase().includes(this.#only);
  }

  async row(row: Row): Promise<void> {
    if (!this.wants(row.group, row.title)) return;
    const measured = await measure(row, this.#rounds);
    this.rows.push(measured);
    const { group, title, unit, ours, rivals } = measured;
    const ratios = rivals.map(({ name, ratio }) => `${ratio.toFixed(2)} of ${name}`).join(', ');
    this.#onRecorded(`${group}, ${title}: ${Math.round(ours.rate)} ${unit}, ${ratios}`);
  }

  figure(figure: Figure): void {
    if (!this.wants(figure.group, figure.title)) return;
    this.figures.push(figure);
    this.#onRecorded(`${figure.group}, ${figure.title}: ${figure.value.toPrecision(4)} ${figure.unit}`);
  }
}
