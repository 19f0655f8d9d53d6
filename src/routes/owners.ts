import type { Key } from '../access/key-ring.ts';
import { Owner } from '../pool/owner.ts';

/** What a key may have at once where its entry does not say; 0 is no limit. */
export interface OwnerDefaults {
  readonly waitsPerKey: number;
  readonly reservationsPerKey: number;
}

/** By the names of their keys: a new secret under the same name still has what the old one reserved. */
export class Owners {
  readonly #owners = new Map<string, { readonly owner: Owner; key: Key }>();
  readonly #defaults: OwnerDefaults;

  constructor(defaults: OwnerDefaults) {
    this.#defaults = defaults;
  }

  of(key: Key): Owner {
    const known = this.#owners.get(key.name);
    if (known?.key === key) return known.owner;
    const bounds = {
      maxWaits: key.maxWaits ?? boundOf(this.#defaults.waitsPerKey),
      maxReservations: key.maxReservations ?? boundOf(this.#defaults.reservationsPerKey),
    };
    const owner = known?.owner ?? new Owner(key.name, bounds);
    // The entry may have changed with its file.
    owner.bounds = bounds;
    this.#owners.set(key.name, { owner, key });
    return owner;
  }
}

const boundOf = (setting: number): number => (setting === 0 ? Number.POSITIVE_INFINITY : setting);
