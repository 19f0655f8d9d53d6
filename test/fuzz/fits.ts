import type { Schema } from './document.ts';

const DIGITS = /^[0-9]+$/;
const UINT64 = /^(0|[1-9][0-9]{0,19})$/;

/** Whether a parameter as it stands in a URL is what its schema wants; numbers are plain digits (API.md). */
export function fitsSchema(text: string, schema: Schema): boolean {
  if (schema.type === 'integer') {
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema;
    return DIGITS.test(text) && Number(text) >= minimum && Number(text) <= maximum;
  }
  const { enum: words, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY, format, not } = schema;
  return (
    words?.includes(text) !== false &&
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern).test(text)) &&
    (format !== 'uint64' || (UINT64.test(text) && BigInt(text) < 2n ** 64n)) &&
    not?.enum?.includes(text) !== true
  );
}
