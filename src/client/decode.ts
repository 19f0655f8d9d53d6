import { BeanstalkdError } from './errors.ts';
import { isJobId, isTube } from './grammar.ts';

/** Every answer of beanstalkd, by its first word. Ids stay strings: they reach 2^64 - 1. */
export type Reply =
  | { readonly name: 'INSERTED'; readonly id: string }
  /** With the id as an answer to `put`, without it as an answer to `bury` and `release`. */
  | { readonly name: 'BURIED'; readonly id?: string }
  /** `body` is undefined when the {@link BodyMemory} refused it: the bytes were skipped. */
  | { readonly name: 'RESERVED' | 'FOUND'; readonly id: string; readonly body: Buffer | undefined }
  | { readonly name: 'OK'; readonly body: Buffer }
  | { readonly name: 'USING'; readonly tube: string }
  | { readonly name: 'WATCHING'; readonly count: number }
  /** With the number of jobs as an answer to `kick`, without it as an answer to `kick-job`. */
  | { readonly name: 'KICKED'; readonly count?: number }
  | { readonly name: BareWord };

export type ReplyName = Reply['name'];
export type ReplyOf<N extends ReplyName> = Reply & { readonly name: N };

const BARE_WORDS = [
  'RELEASED',
  'DELETED',
  'TOUCHED',
  'PAUSED',
  'NOT_FOUND',
  'NOT_IGNORED',
  'TIMED_OUT',
  'DEADLINE_SOON',
  'DRAINING',
  'JOB_TOO_BIG',
  'EXPECTED_CRLF',
  'OUT_OF_MEMORY',
  'INTERNAL_ERROR',
  'BAD_FORMAT',
  'UNKNOWN_COMMAND',
] as const;
type BareWord = (typeof BARE_WORDS)[number];

/** `BURIED` and `KICKED` also come with a number. */
const BARE_REPLIES: ReadonlyMap<string, Reply> = new Map(
  [...BARE_WORDS, 'BURIED' as const, 'KICKED' as const].map((name) => [name, { name }]),
);

/** Who decides whether the memory for a job's body may be used. Statistics do not count. */
export interface BodyMemory {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** The longest line is `USING` and a tube of 200 bytes. */
const LINE_MAX = 256;
/** beanstalkd caps `-z` at 1 GiB; a listing of very many tubes stays far below it too. */
const BODY_MAX = 1_073_741_824;
const LF = 10;
const CR = 13;

/**
 * The reply parser: bytes in, in pieces of any size, replies out, in order. Pure: it knows no socket.
 * Throws `PROTOCOL_ERROR` for anything that is no reply; it must not be fed again after that.
 */
export class ReplyDecoder {
  readonly #memory: BodyMemory;
  readonly #onReply: (reply: Reply) => void;
  /** The start of a line whose end has not come. */
  #partialLine = '';
  #body: PartialBody | undefined;

  constructor(memory: BodyMemory, onReply: (reply: Reply) => void) {
    this.#memory = memory;
    this.#onReply = onReply;
  }

  /** A body has begun and is not complete: what comes of it is progress. */
  get midBody(): boolean {
    return this.#body !== undefined;
  }

  write(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      offset =
        this.#body === undefined ? this.#readLine(chunk, offset) : this.#readBody(chunk, offset, this.#body);
    }
  }

  /** Gives back what an unfinished body had taken. */
  abandon(): void {
    const body = this.#body;
    this.#body = undefined;
    if (body?.bytes !== undefined && body.name !== 'OK') this.#memory.give(body.bytes.length);
  }

  #readLine(chunk: Buffer, offset: number): number {
    const end = chunk.indexOf(LF, offset);
    if (end === -1) {
      this.#partialLine += chunk.toString('latin1', offset, Math.min(chunk.length, offset + LINE_MAX + 1));
      if (this.#partialLine.length > LINE_MAX) throw protocolError(this.#partialLine);
      return chunk.length;
    }
    const piece = chunk.toString('latin1', offset, Math.min(end, offset + LINE_MAX + 1));
    const line = this.#partialLine + piece;
    this.#partialLine = '';
    if (line.length > LINE_MAX || line.charCodeAt(line.length - 1) !== CR) throw protocolError(line);
    this.#interpret(line.slice(0, -1));
    return end + 1;
  }

  #interpret(line: string): void {
    const space = line.indexOf(' ');
    if (space === -1) this.#interpretWord(line);
    else this.#interpretWords(line, line.slice(0, space), line.slice(space + 1));
  }

  #interpretWord(line: string): void {
    const bare = BARE_REPLIES.get(line);
    if (bare === undefined) throw protocolError(line);
    this.#onReply(bare);
  }

  #interpretWords(line: string, name: string, rest: string): void {
    switch (name) {
      case 'INSERTED':
      case 'BURIED':
        this.#onReply({ name, id: unsigned(rest, line) });
        return;
      case 'KICKED':
      case 'WATCHING':
        this.#onReply({ name, count: Number(unsigned(rest, line)) });
        return;
      case 'USING':
        if (!isTube(rest)) throw protocolError(line);
        this.#onReply({ name, tube: rest });
        return;
      case 'OK':
        this.#body = new PartialBody(name, '', bodyLength(rest, line), true);
        return;
      case 'RESERVED':
      case 'FOUND': {
        const space = rest.indexOf(' ');
        if (space === -1) throw protocolError(line);
        const id = unsigned(rest.slice(0, space), line);
        const length = bodyLength(rest.slice(space + 1), line);
        this.#body = new PartialBody(name, id, length, this.#memory.take(length));
        return;
      }
      default:
        throw protocolError(line);
    }
  }

  #readBody(chunk: Buffer, offset: number, body: PartialBody): number {
    const next = body.write(chunk, offset);
    if (body.complete) {
      this.#body = undefined;
      if (body.name === 'OK') this.#onReply({ name: body.name, body: body.bytes ?? Buffer.alloc(0) });
      else this.#onReply({ name: body.name, id: body.id, body: body.bytes });
    }
    return next;
  }
}

/** A body and the CRLF behind it, as far as they have come. */
class PartialBody {
  readonly name: 'RESERVED' | 'FOUND' | 'OK';
  readonly id: string;
  readonly bytes: Buffer | undefined;
  readonly #length: number;
  #received = 0;

  constructor(name: 'RESERVED' | 'FOUND' | 'OK', id: string, length: number, keep: boolean) {
    this.name = name;
    this.id = id;
    this.bytes = keep ? Buffer.allocUnsafe(length) : undefined;
    this.#length = length;
  }

  get complete(): boolean {
    return this.#received === this.#length + 2;
  }

  /** Returns the offset behind what it took. */
  write(chunk: Buffer, offset: number): number {
    let at = offset;
    const wanted = Math.min(this.#length - this.#received, chunk.length - at);
    if (wanted > 0) {
      this.bytes?.set(chunk.subarray(at, at + wanted), this.#received);
      this.#received += wanted;
      at += wanted;
    }
    while (at < chunk.length && this.#received >= this.#length && !this.complete) {
      if (chunk[at] !== (this.#received === this.#length ? CR : LF)) {
        throw new BeanstalkdError('PROTOCOL_ERROR', 'unknown', 'a body is longer than beanstalkd announced');
      }
      this.#received += 1;
      at += 1;
    }
    return at;
  }
}

/** A decimal number of at most 64 bits. */
function unsigned(word: string, line: string): string {
  if (!isJobId(word)) throw protocolError(line);
  return word;
}

function bodyLength(word: string, line: string): number {
  const length = Number(unsigned(word, line));
  if (length > BODY_MAX) throw protocolError(line);
  return length;
}

const protocolError = (line: string) =>
  new BeanstalkdError(
    'PROTOCOL_ERROR',
    'unknown',
    `no reply of beanstalkd: ${JSON.stringify(line.slice(0, 80))}`,
  );
