import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type House, type HouseOptions, openHouse } from './calls.ts';
import { type Entry, KeyFile } from './keyed.ts';

/** A house whose callers need a key. */
export interface KeyedHouse extends House {
  readonly file: KeyFile;
  /** All that it has logged, the acts of administration and a line for each call included. */
  readonly lines: readonly string[];
}

export interface KeyedOptions extends HouseOptions {
  /** What a key may have at once where its entry does not say; more than any test wants where left out. */
  readonly waitsPerKey?: number;
  readonly reservationsPerKey?: number;
  /** What needs no key; nothing where left out. */
  readonly opened?: { readonly openMetrics: boolean; readonly openDocs: boolean };
}

const NOTHING_OPEN = { openMetrics: false, openDocs: false };

/** Closed by whoever opened it. */
export async function openKeyed(
  entries: Readonly<Record<string, Entry>>,
  {
    waitsPerKey = 10_000,
    reservationsPerKey = 10_000,
    opened = NOTHING_OPEN,
    app = {},
    ...options
  }: KeyedOptions = {},
): Promise<KeyedHouse> {
  const file = new KeyFile(entries);
  const lines: string[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) });
  const house = await openHouse({
    ...options,
    app: {
      logger: log,
      logRequests: 'all',
      audit: log.child({ audit: true }),
      admission: { keys: file.keys, ...opened, waitsPerKey, reservationsPerKey },
      ...app,
    },
  });
  return {
    ...house,
    file,
    lines,
    close: async () => {
      await house.close();
      file.close();
    },
  };
}

/** Closed when the test is over. */
export async function openKeyedForTest(...how: Parameters<typeof openKeyed>): Promise<KeyedHouse> {
  const house = await openKeyed(...how);
  onTestFinished(() => house.close());
  return house;
}
