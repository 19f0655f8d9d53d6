import { bytesOf } from './bodies.ts';
import type { Call, Encoding, Framing, Part } from './call.ts';
import type { ApiDocument } from './document.ts';
import { EVERY_CALL, type Header } from './headers.ts';
import type { Known } from './known.ts';
import type { Splice } from './splice.ts';

/** A call with everything in its place: what is sent. */
export interface Request {
  readonly method: string;
  /** In latin1, like all of the head. */
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** The head before the body, as it goes out. */
  readonly head: string;
  readonly framing: Framing;
  readonly splice: Splice | undefined;
}

export function requestOf(call: Call, document: ApiDocument, resolve: (known: Known) => string): Request {
  const written = ({ text, encoding }: Part) =>
    encoded(typeof text === 'string' ? text : resolve(text), encoding);
  const path = document.named(call.id).path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const part = call.inPath[name];
    return part === undefined ? '' : written(part);
  });
  const query = call.query.map(([name, part]) => `${encoded(name, 'component')}=${written(part)}`).join('&');
  const target = `${call.origin}${path}${query === '' ? '' : `?${query}`}`;
  const body = bytesOf(call.body, resolve);
  const { method, framing, splice } = call;
  const headers = [...EVERY_CALL, ...call.headers, ...framed(call, body)];
  return { method, target, headers, body, framing, splice, head: headOf(method, target, headers, splice) };
}

/** All of it, as it goes over the wire. */
export function wireBytes({ head, body, framing }: Request): Buffer {
  return Buffer.concat([Buffer.from(head, 'latin1'), framing === 'chunks' ? inChunks(body) : body]);
}

function encoded(text: string, encoding: Encoding): string {
  // What is half a pair cannot be sent as UTF-8 by anybody.
  const whole = Buffer.from(text).toString();
  const all = () => [...Buffer.from(whole)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  switch (encoding) {
    case 'component':
      return encodeURIComponent(whole);
    case 'twice':
      return encodeURIComponent(encodeURIComponent(whole));
    case 'all':
      return all().toUpperCase();
    case 'all-lower':
      return all();
    case 'bare':
      // A blank or a control character would end the target: see splice.ts.
      return /^[!-~]*$/.test(whole) ? whole : encodeURIComponent(whole);
  }
}

function framed({ framing, method }: Call, body: Buffer): readonly Header[] {
  if (framing === 'chunks') return [['Transfer-Encoding', 'chunked']];
  if (body.length === 0 && method !== 'POST') return [];
  const length: Header = ['Content-Length', String(body.length)];
  return framing === 'expect' ? [length, ['Expect', '100-continue']] : [length];
}

function inChunks(body: Buffer): Buffer {
  const middle = body.length >> 1;
  const chunks = [body.subarray(0, middle), body.subarray(middle)].filter((chunk) => chunk.length > 0);
  const framedChunks = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)};a="b"\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...framedChunks, Buffer.from('0\r\nX-Trailer: 1\r\n\r\n')]);
}

function headOf(
  method: string,
  target: string,
  headers: readonly Header[],
  splice: Splice | undefined,
): string {
  const at = (place: Splice['at']) => (splice?.at === place ? splice.bytes : '');
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  // Whatever the spliced bytes make of the rest, the last header ends the connection.
  const end =
    splice === undefined ? '' : `X${at('name')}: ${at('value')}\r\n${at('line')}Connection: close\r\n`;
  const half = target.length >> 1;
  const spliced = `${target.slice(0, half)}${at('target')}${target.slice(half)}`;
  return `${method}${at('method')} ${spliced} HTTP/1.1${at('version')}\r\n${lines}${end}\r\n`;
}
