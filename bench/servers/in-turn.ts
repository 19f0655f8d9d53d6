/** Some clients that are used in turn, each for one thing at a time. */
export class InTurn<C> {
  readonly #lines: { readonly client: C; last: Promise<unknown> }[];
  #next = 0;

  constructor(clients: readonly C[]) {
    this.#lines = clients.map((client) => ({ client, last: Promise.resolve() }));
  }

  /** The number of the client whose turn it is. */
  next(): number {
    this.#next = (this.#next + 1) % this.#lines.length;
    return this.#next;
  }

  /** Behind all that this client was asked for before. */
  use<T>(number: number, work: (client: C) => Promise<T>): Promise<T> {
    const line = this.#lines[number];
    if (line === undefined) return Promise.reject(new Error('no such client'));
    const done = line.last.then(() => work(line.client));
    line.last = done.catch(() => {});
    return done;
  }
}
