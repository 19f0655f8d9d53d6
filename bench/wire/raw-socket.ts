import { connect, type Socket } from 'node:net';

const LF = 10;
const NOTHING = Buffer.alloc(0);

/** A reply among the bytes that came: its line is from `at` to `body`; a body and its CRLF are from `body` to `end`. */
type Take = (bytes: Buffer, at: number, body: number, end: number) => void;

/**
 * A socket to beanstalkd with the least possible work around it: it only finds where replies end. Failures are not
 * handled: they end the program.
 */
export class RawSocket {
  readonly #socket: Socket;
  #rest: Buffer = NOTHING;
  #turnScheduled = false;
  /** Called for each reply. */
  take: Take = unexpectedReply;
  /** Called after all replies of one turn of the event loop, so that what they lead to leaves in one write. */
  taken: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('end', () => {
      throw new Error('beanstalkd closed the connection');
    });
  }

  static async dial(port: number): Promise<RawSocket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return new RawSocket(socket);
  }

  write(bytes: Buffer | string): void {
    if (typeof bytes === 'string') this.#socket.write(bytes, 'latin1');
    else this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const body = bytes.indexOf(LF, at) + 1;
      if (body === 0) break;
      const end = hasBody(bytes, at) ? body + numberBefore(bytes, body - 2) + 2 : body;
      if (end > bytes.length) break;
      this.take(bytes, at, body, end);
      at = end;
    }
    this.#rest = at === bytes.length ? NOTHING : bytes.subarray(at);
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(this.#turned);
  }

  #turned = (): void => {
    this.#turnScheduled = false;
    this.taken();
  };
}

/** `RESERVED`, `FOUND`, and `OK` as against `OUT_OF_MEMORY`. None of our commands is answered `RELEASED`. */
function hasBody(bytes: Buffer, at: number): boolean {
  const first = bytes[at];
  return first === 0x52 || first === 0x46 || (first === 0x4f && bytes[at + 1] === 0x4b);
}

/** The decimal number that ends before `end`. */
function numberBefore(bytes: Buffer, end: number): number {
  let value = 0;
  let weight = 1;
  for (let at = end - 1; ; at -= 1) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return value;
    value += digit * weight;
    weight *= 10;
  }
}

/** The id in the line of a `RESERVED`. */
export function reservedId(bytes: Buffer, at: number): string {
  const start = at + 'RESERVED '.length;
  return bytes.toString('latin1', start, bytes.indexOf(0x20, start));
}

export function unexpectedReply(bytes: Buffer, at: number): never {
  throw new Error(`not expected of beanstalkd: ${bytes.toString('latin1', at, at + 80)}`);
}

/** By their first letters: the cheapest check that tells success from all else. */
export const isInserted = (bytes: Buffer, at: number): boolean => bytes[at] === 0x49;
export const isReserved = (bytes: Buffer, at: number): boolean => bytes[at] === 0x52;
export const isUsing = (bytes: Buffer, at: number): boolean => bytes[at] === 0x55;
export const isTimedOut = (bytes: Buffer, at: number): boolean => bytes[at] === 0x54;
/** As against `DEADLINE_SOON` and `DRAINING`. */
export const isDeleted = (bytes: Buffer, at: number): boolean => bytes[at] === 0x44 && bytes[at + 2] === 0x4c;
