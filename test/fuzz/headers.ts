import fc from 'fast-check';
import { LIKE_INNARDS } from './texts.ts';
import { sometimes, weighted } from './weighted.ts';

export type Header = readonly [name: string, value: string];

/** What every call carries, whatever else it does: the place for a key. */
export const EVERY_CALL: readonly Header[] = [['Host', 'fuzz']];

/** What a caller can say about the form of the answer, and what that means where JSON and bytes are offered. */
export const ACCEPTS: Readonly<Record<string, 'json' | 'bytes' | 'neither'>> = {
  'application/json': 'json',
  '*/*': 'json',
  'application/*': 'json',
  'application/octet-stream': 'bytes',
  'APPLICATION/OCTET-STREAM': 'bytes',
  'application/octet-stream, application/json;q=0.5': 'bytes',
  'application/json;q=0, */*;q=0.1': 'bytes',
  'text/html': 'neither',
  'application/json;q=0': 'neither',
  '': 'neither',
};

const ODD_ACCEPTS = [
  '*',
  '/',
  ',,',
  'application/json;q=2',
  'application/json;q=NaN',
  'application/json, text/html;q',
];

/** Of those that send no JSON, or do not say so. */
export const ODD_TYPES = [
  'text/plain',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/json-patch+json',
  ';;',
  '/',
  'application/json;;;',
  'application/json, text/plain',
  'application/json; charset=utf-16',
  'Application/JSON; charset=utf-8',
  '__proto__',
  '',
];

/** No CR, LF or NUL: those are not in a head that can be read (splice.ts). */
const HOSTILE_VALUES = [
  '',
  'a b',
  '\t',
  '"',
  '\\',
  'é',
  '\xff\xfe',
  '<script>alert(1)</script>',
  '%0d%0aX-Injected: 1',
  '__proto__',
  '%00',
  'x'.repeat(128),
  'x'.repeat(129),
  'x'.repeat(8_000),
];

const hostile = fc.oneof(
  fc.constantFrom(...HOSTILE_VALUES),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
  }),
);

const requestId = fc
  .oneof(fc.stringMatching(/^[A-Za-z0-9._~-]{1,128}$/), hostile)
  .filter((id) => !LIKE_INNARDS.test(id));

/** None comes twice: what a repeated one is answered with is for other tests. */
const idempotencyKey = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => `"${id}"`),
  hostile.filter((value) => !/^[\x20-\x7e]{1,255}$/.test(value.trim())),
);

/** None of them changes what a call does. */
const NO_MEANING = [
  'X-HTTP-Method-Override',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'Forwarded',
  'X-Original-URL',
  'Cookie',
  'Referer',
  'User-Agent',
  'Range',
  'If-None-Match',
  'If-Match',
  'If-Modified-Since',
  'Accept-Encoding',
  'Accept-Language',
  'Accept-Version',
  'TE',
  'Prefer',
  '__proto__',
  'constructor',
  'Reserve-Timeout',
  'Job-Id',
];

const named = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<Header> =>
  fc.tuple(fc.constantFrom(name, name, name.toLowerCase(), name.toUpperCase()), value);

const accept = weighted(
  [6, fc.constantFrom('application/octet-stream', '*/*')],
  [3, fc.constantFrom(...Object.keys(ACCEPTS))],
  [1, fc.constantFrom(...ODD_ACCEPTS)],
);

/** Everything that is not about the body. */
export const headers: fc.Arbitrary<readonly Header[]> = fc
  .tuple(
    sometimes(25, named('Accept', accept)),
    sometimes(1, named('Accept', accept)),
    sometimes(15, named('X-Request-Id', requestId)),
    sometimes(1, named('X-Request-Id', requestId)),
    sometimes(10, named('Idempotency-Key', idempotencyKey)),
    sometimes(5, fc.tuple(fc.constantFrom(...NO_MEANING), hostile)),
    sometimes(1, named('Content-Encoding', fc.constantFrom('gzip', 'identity', 'br, gzip', ''))),
    sometimes(1, named('Connection', fc.constantFrom('close', 'keep-alive', 'upgrade'))),
  )
  .map((each) => each.flat());
