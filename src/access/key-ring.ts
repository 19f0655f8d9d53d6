import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyEntry } from './key-schema.ts';
import { RIGHTS, type Right } from './rights.ts';
import { TubePatterns } from './tube-patterns.ts';

/** Hashing takes time, and nobody's key is that long. */
const SECRET_MAX = 512;

/** What its bearer may do, and on which tubes. */
export class Key {
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
  readonly tubes: TubePatterns;
  /** By `Date.now()`; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Calls in a second. */
  readonly ratePerSecond: number | undefined;
  /** Reserves that wait at once. */
  readonly maxWaits: number | undefined;
  /** Reservations that are held or waited for at once. */
  readonly maxReservations: number | undefined;

  constructor(entry: Omit<KeyEntry, 'sha256'>) {
    this.name = entry.name;
    this.rights = new Set(entry.rights);
    this.tubes = new TubePatterns(entry.tubes);
    this.expiresAt = entry.expires === undefined ? undefined : Date.parse(entry.expires);
    this.ratePerSecond = entry.ratePerSecond;
    this.maxWaits = entry.maxWaits;
    this.maxReservations = entry.maxReservations;
  }

  may(right: Right): boolean {
    return this.rights.has(right);
  }

  get expired(): boolean {
    return this.expiresAt !== undefined && Date.now() >= this.expiresAt;
  }
}

/** Whoever calls where there are no keys. */
export const ANYONE = new Key({ name: 'anyone', rights: [...RIGHTS], tubes: ['*'] });

/** Whoever calls without a key where there are some. */
export const NOBODY = new Key({ name: 'nobody', rights: [], tubes: [] });

interface Held {
  readonly digest: Buffer;
  readonly key: Key;
}

/** The keys, found by their secrets; it knows only the digests of these. */
export class KeyRing {
  /** By the first bytes of the digest, which tell nobody the secret. */
  readonly #held = new Map<number, Held[]>();

  constructor(entries: readonly KeyEntry[]) {
    for (const entry of entries) {
      const digest = Buffer.from(entry.sha256, 'hex');
      const held = { digest, key: new Key(entry) };
      const others = this.#held.get(digest.readUInt32BE());
      if (others === undefined) this.#held.set(digest.readUInt32BE(), [held]);
      else others.push(held);
    }
  }

  /** The key of this secret, also when it has expired. */
  find(secret: string): Key | undefined {
    if (secret.length > SECRET_MAX) return undefined;
    const digest = createHash('sha256').update(secret).digest();
    return this.#held.get(digest.readUInt32BE())?.find((held) => timingSafeEqual(held.digest, digest))?.key;
  }
}
