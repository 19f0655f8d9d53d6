import { randomFillSync } from 'node:crypto';

/** 128 bits cannot be guessed, nor come twice. */
const TOKEN_BYTES = 16;
/** Random bytes cost mostly by the call. */
const bytes = Buffer.allocUnsafeSlow(TOKEN_BYTES * 256);
let used = bytes.length;

/** Unguessable, and safe in a path: a number in hexadecimal. */
export function makeToken(): string {
  if (used === bytes.length) {
    randomFillSync(bytes);
    used = 0;
  }
  used += TOKEN_BYTES;
  return bytes.toString('hex', used - TOKEN_BYTES, used);
}
