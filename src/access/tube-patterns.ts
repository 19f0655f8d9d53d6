/** A pattern with stars, taken apart at them. */
interface Starred {
  readonly first: string;
  readonly between: readonly string[];
  readonly last: string;
}

/** The tubes that any of a few patterns covers: `*` is any run of characters, also none; all else is literal. */
export class TubePatterns {
  /** Whether there is no tube that they do not cover. */
  readonly coversAll: boolean;
  readonly #names = new Set<string>();
  readonly #starred: readonly Starred[];

  constructor(patterns: readonly string[]) {
    const starred: Starred[] = [];
    for (const pattern of patterns) {
      const [first = '', ...rest] = pattern.split('*');
      const last = rest.pop();
      if (last === undefined) this.#names.add(pattern);
      else starred.push({ first, between: rest, last });
    }
    this.#starred = starred;
    this.coversAll = patterns.some((pattern) => /^\*+$/.test(pattern));
  }

  covers(tube: string): boolean {
    return this.coversAll || this.#names.has(tube) || this.#starred.some((pattern) => fits(pattern, tube));
  }
}

/** Each part where it is found first leaves most to those behind it, so nothing has to be tried again. */
function fits({ first, between, last }: Starred, tube: string): boolean {
  if (!tube.startsWith(first) || !tube.endsWith(last)) return false;
  let from = first.length;
  for (const part of between) {
    const at = tube.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= tube.length - last.length;
}
