/** Where something stands in a line. */
export class Place<T> {
  readonly item: T;
  line: Line<T> | undefined;
  ahead: Place<T> | undefined;
  behind: Place<T> | undefined;

  constructor(item: T, line: Line<T>, ahead: Place<T> | undefined) {
    this.item = item;
    this.line = line;
    this.ahead = ahead;
  }
}

/**
 * A queue that anybody in it can leave, in constant time. A Set would do, but for V8: each time that its table is made
 * anew, the old one keeps its content and a reference to the new one. Once one of them has grown old, all that come
 * after it do, and with them every caller there ever was, up to the next collection of the old (docs/PERFORMANCE.md).
 */
export class Line<T> {
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** From the first to the last; the one at hand may leave meanwhile, the one behind it may not. */
  *[Symbol.iterator](): Iterator<T> {
    let place = this.#first;
    while (place !== undefined) {
      const { item, behind } = place;
      yield item;
      place = behind;
    }
  }

  push(item: T): Place<T> {
    const place = new Place(item, this, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.behind = place;
    this.#last = place;
    this.#length += 1;
    return place;
  }

  get first(): T | undefined {
    return this.#first?.item;
  }

  /** A place in another line, or in none any more, is left alone. */
  leave(place: Place<T> | undefined): void {
    if (place?.line !== this) return;
    const { ahead, behind } = place;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    place.line = undefined;
    place.ahead = undefined;
    place.behind = undefined;
    this.#length -= 1;
  }
}
