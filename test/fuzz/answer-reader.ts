import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../routes/contract.ts';

const STATUS_LINE = /^HTTP\/1\.1 ([1-5][0-9]{2}) [A-Za-z -]+$/;
const HEADER = /^([A-Za-z0-9-]+): ([\t\x20-\x7e]*)$/;

/** Takes answers out of the bytes of one connection, and lets nothing pass that is not HTTP to the letter. */
export class AnswerReader {
  #received = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
  }

  /** What has come and belongs to no answer that was taken. */
  get rest(): string {
    return this.#received.toString('latin1');
  }

  /**
   * The next answer, or undefined while it is not complete; interim ones are skipped.
   * @param toHead whether it answers a HEAD, and has no body whatever its headers say
   */
  take(toHead: boolean): Answer | undefined {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end === -1) return undefined;
      const { status, headers } = headIn(this.#received.toString('latin1', 0, end));
      const start = end + 4;
      if (status < 200) {
        this.#received = this.#received.subarray(start);
        continue;
      }
      const length = toHead || status === 204 || status === 304 ? 0 : lengthIn(headers);
      if (this.#received.length < start + length) return undefined;
      const body = this.#received.subarray(start, start + length);
      this.#received = this.#received.subarray(start + length);
      const text = body.toString();
      return { status, headers, body, text, json: (): unknown => JSON.parse(text) };
    }
  }
}

function headIn(head: string): { readonly status: number; readonly headers: IncomingHttpHeaders } {
  const [first = '', ...lines] = head.split('\r\n');
  const status = STATUS_LINE.exec(first)?.[1];
  if (status === undefined) throw new Error(`no status line: ${JSON.stringify(head.slice(0, 300))}`);
  const headers: IncomingHttpHeaders = {};
  for (const line of lines) {
    const [, name = '', value] = HEADER.exec(line) ?? [];
    if (value === undefined) throw new Error(`no header: ${JSON.stringify(line)}`);
    if (Object.hasOwn(headers, name.toLowerCase())) throw new Error(`twice: ${JSON.stringify(line)}`);
    headers[name.toLowerCase()] = value;
  }
  return { status: Number(status), headers };
}

/** Every answer here declares its length. */
function lengthIn(headers: IncomingHttpHeaders): number {
  const length = headers['content-length'] ?? '';
  if (!/^[0-9]+$/.test(length)) throw new Error(`no length: ${JSON.stringify(headers)}`);
  return Number(length);
}
