import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Keys } from '../../src/access/keys.ts';
import type { Right } from '../../src/access/rights.ts';

export interface Entry {
  readonly rights: readonly Right[];
  readonly tubes: readonly string[];
  readonly expires?: string;
  readonly ratePerSecond?: number;
  readonly maxWaits?: number;
  readonly maxReservations?: number;
}

/** Keys in a file of their own, and the secrets that belong to them. */
export class KeyFile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keys-'));
  readonly #secrets = new Map<string, string>();
  readonly path = join(this.#folder, 'keys.yaml');
  readonly keys: Keys;

  constructor(entries: Readonly<Record<string, Entry>>) {
    this.write(entries);
    this.keys = Keys.open(this.path, pino({ level: 'silent' }));
  }

  /** Writes other entries; a name keeps its secret. */
  write(entries: Readonly<Record<string, Entry>>): void {
    const keys = Object.entries(entries).map(([name, entry]) => ({
      name,
      sha256: this.#digest(name),
      ...entry,
    }));
    writeFileSync(this.path, JSON.stringify({ keys }));
  }

  /** Another secret for this name, from the next time that it is written. */
  renew(name: string): void {
    this.#secrets.delete(name);
  }

  /** What a caller with this key sends. */
  headers(name: string): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#secret(name)}` };
  }

  close(): void {
    this.keys.close();
    rmSync(this.#folder, { recursive: true });
  }

  #secret(name: string): string {
    const secret = this.#secrets.get(name) ?? randomBytes(32).toString('base64url');
    this.#secrets.set(name, secret);
    return secret;
  }

  #digest(name: string): string {
    return createHash('sha256').update(this.#secret(name)).digest('hex');
  }
}
