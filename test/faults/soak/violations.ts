const SHOWN_MAX = 5;

/** What must never happen, and did: counted by the promise that it breaks, the first few in full. */
export class Violations {
  readonly #broken = new Map<string, { count: number; readonly first: string[] }>();

  get count(): number {
    return [...this.#broken.values()].reduce((sum, { count }) => sum + count, 0);
  }

  add(promise: string, what: string): void {
    const broken = this.#broken.get(promise) ?? { count: 0, first: [] };
    this.#broken.set(promise, broken);
    broken.count += 1;
    if (broken.first.length < SHOWN_MAX) broken.first.push(what);
  }

  lines(): string[] {
    return [...this.#broken].flatMap(([promise, { count, first }]) => [
      `  ${count} × ${promise}`,
      ...first.map((what) => `      ${what}`),
      ...(count > first.length ? [`      and ${count - first.length} more`] : []),
    ]);
  }
}
