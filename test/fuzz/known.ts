/**
 * Of which kind something is that the gateway has named: tubes that were put to, jobs (also gone ones), reservations
 * that are held as far as is known, and those that have ended.
 */
export type Kind = 'tube' | 'job' | 'reservation' | 'ended';

/** Stands in a call for a name that is known only when the call is made: the latest of its kind is the 0th. */
export class Known {
  readonly kind: Kind;
  readonly nth: number;

  constructor(kind: Kind, nth: number) {
    this.kind = kind;
    this.nth = nth;
  }
}

/** Where nothing of the kind is known yet. */
const UNKNOWN: Readonly<Record<Kind, string>> = {
  tube: 'default',
  job: '1',
  reservation: '0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51',
  ended: '6f1c0d6e6b9e4f3a8a510e6f2f1f7c11',
};

const REMEMBERED_MAX = 200;

/** What the answers have named, for the calls to come. */
export class Memory {
  readonly #names = new Map<Kind, Set<string>>();

  remember(kind: Kind, name: string): void {
    const names = this.#of(kind);
    names.delete(name);
    names.add(name);
    const [oldest] = names;
    if (names.size > REMEMBERED_MAX && oldest !== undefined) names.delete(oldest);
  }

  /** The reservation is not held any more. */
  end(reservation: string): void {
    this.#of('reservation').delete(reservation);
    this.remember('ended', reservation);
  }

  resolve({ kind, nth }: Known): string {
    const names = [...this.#of(kind)];
    return names.at(-1 - (nth % Math.max(1, names.length))) ?? UNKNOWN[kind];
  }

  #of(kind: Kind): Set<string> {
    let names = this.#names.get(kind);
    if (names === undefined) {
      names = new Set();
      this.#names.set(kind, names);
    }
    return names;
  }
}
