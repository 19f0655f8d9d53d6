import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { watchFiles } from './file-watch.ts';
import { parseKeyFile } from './key-file.ts';
import { KeyFileError } from './key-file-error.ts';
import { type Key, KeyRing } from './key-ring.ts';

/** The keys of a file, and of whatever that file holds later. */
export class Keys {
  readonly #path: string;
  readonly #log: Logger;
  readonly #unwatch: () => void;
  #ring: KeyRing;
  /** What was looked at last; undefined where there was nothing to be read. */
  #text: string | undefined;

  private constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#text = read(path);
    this.#ring = new KeyRing(parseKeyFile(this.#text));
    this.#unwatch = watchFiles([path], () => this.#look());
  }

  /** Reads the file and watches it. Throws a KeyFileError. */
  static open(path: string, log: Logger): Keys {
    return new Keys(path, log);
  }

  /** The key of this secret, also when it has expired. */
  find(secret: string): Key | undefined {
    return this.#ring.find(secret);
  }

  /** Reads the file again, and logs what came of it even where nothing has changed. */
  reload(): void {
    this.#text = undefined;
    this.#look();
  }

  close(): void {
    this.#unwatch();
  }

  #look(): void {
    try {
      const before = this.#text;
      this.#text = undefined;
      const text = read(this.#path);
      this.#text = text;
      if (text === before) return;
      const entries = parseKeyFile(text);
      this.#ring = new KeyRing(entries);
      this.#log.info({ keys: entries.length }, 'the API keys have been read again');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#log.error({ problem }, 'API_KEYS_FILE is not accepted, the keys stay as they were');
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new KeyFileError(`cannot be read: ${reason}`, { cause });
  }
}
