import fc from 'fast-check';
import { INJECTIONS } from './texts.ts';

/** Bytes put as they are into the head of a request. */
export interface Splice {
  readonly at: 'method' | 'target' | 'version' | 'name' | 'value' | 'line';
  /** In latin1. */
  readonly bytes: string;
}

/** Headers and ends of headers that must not be believed. None of them announces a body that does not come. */
const LINES: readonly string[] = [
  'Content-Length: -1\r\n',
  'Content-Length: +0\r\n',
  'Content-Length: 0x0\r\n',
  'Content-Length: 0, 0\r\n',
  'Content-Length: 0\r\nContent-Length: 1\r\n',
  'Content-Length: 99999999999999999999999\r\n',
  'Content-Length : 0\r\n',
  'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
  'Host: other\r\n',
  'Connection: close\nX-Injected: 1\r\n',
  ' folded: 1\r\n',
  ': no name\r\n',
  'no colon\r\n',
  '\r\nGET / HTTP/1.1\r\n',
  'X: \0\r\n',
  'X: \x7f\r\n',
  'X\x80: 1\r\n',
  `X: ${'x'.repeat(90_000)}\r\n`,
];

const BYTES: readonly string[] = [
  ...INJECTIONS,
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\x80',
  '\xff\xfe',
  '\xed\xa0\x80',
  '\xc3\xa4',
  '\x7f',
  '\x0b',
  ' ',
  ' HTTP/1.1\r\n\r\n',
  ' HTTP/1.1\r\nHost: x\r\n\r\nput 0 0 60 1\r\nx\r\n',
  '9',
];

export const splice: fc.Arbitrary<Splice> = fc.oneof(
  fc.record({
    at: fc.constantFrom('method', 'target', 'version', 'name', 'value'),
    bytes: fc.constantFrom(...BYTES),
  }),
  fc.record({ at: fc.constant('line' as const), bytes: fc.constantFrom(...LINES) }),
);
