import type { Socket } from 'node:net';
import { Fifo } from './fifo.ts';

const SLAB_BYTES = 65_536;
/** Larger bodies leave as they are; below it a copy costs less than a system call. */
const COPY_MAX = 32_768;
/** A large body leaves in parts, so that its progress can be seen. */
const PART_BYTES = 262_144;
const CRLF = Buffer.from('\r\n');

/**
 * Commands on their way out. What is written between two flushes leaves in one system call: lines and small
 * bodies side by side in a slab, large bodies by reference between them.
 */
export class CommandEncoder {
  #slab = Buffer.allocUnsafe(SLAB_BYTES);
  #start = 0;
  #end = 0;
  readonly #pieces = new Fifo<Buffer>();

  /** Returns how many bytes the command has on the wire. */
  write(line: string, body?: Buffer): number {
    const copied = body !== undefined && body.length <= COPY_MAX;
    this.#makeRoom(line.length + 2 + (copied ? body.length + 2 : 0));
    this.#end += this.#slab.write(line, this.#end, 'latin1');
    this.#endLine();
    if (body === undefined) return line.length + 2;
    if (copied) {
      this.#slab.set(body, this.#end);
      this.#end += body.length;
      this.#endLine();
    } else {
      this.#cut();
      for (let at = 0; at < body.length; at += PART_BYTES)
        this.#pieces.push(body.subarray(at, at + PART_BYTES));
      this.#pieces.push(CRLF);
    }
    return line.length + body.length + 4;
  }

  /** Hands the socket what it takes; false when it wants to drain before the rest. */
  flush(socket: Socket): boolean {
    this.#cut();
    for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) {
      if (!socket.write(piece) && this.#pieces.length > 0) return false;
    }
    return true;
  }

  #endLine(): void {
    this.#slab[this.#end] = 13;
    this.#slab[this.#end + 1] = 10;
    this.#end += 2;
  }

  /** The slab's written part becomes a piece; the socket may still read it, so it is never written again. */
  #cut(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #makeRoom(bytes: number): void {
    if (this.#slab.length - this.#end >= bytes) return;
    this.#cut();
    this.#slab = Buffer.allocUnsafe(SLAB_BYTES);
    this.#start = 0;
    this.#end = 0;
  }
}
