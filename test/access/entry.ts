import { createHash } from 'node:crypto';
import type { KeyEntry } from '../../src/access/key-schema.ts';

export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** An entry that is right, for the key `secret-of-{name}`. */
export function entry(name: string, more: Partial<KeyEntry> = {}): KeyEntry {
  return { name, sha256: digestOf(`secret-of-${name}`), rights: ['produce'], tubes: ['*'], ...more };
}
