/** One setting: how its text becomes a value, and what `--help` says about it. */
export interface Setting<T> {
  /** Throws an Error that says what is wrong with the text; the caller puts the setting's name in front. */
  readonly parse: (text: string) => T;
  readonly fallback: T;
  /** The default as `--help` shows it. */
  readonly shown: string;
  readonly help: string;
  /** A flag that may stand without a value, and then means `true`. */
  readonly isBoolean: boolean;
}

/** A whole number from `min` to `max`, written in decimal digits alone. */
export function integer(
  fallback: number,
  range: { min: number; max: number },
  help: string,
): Setting<number> {
  return {
    parse: (text) => {
      // Number() would also take 1e3, 0x10 and blanks: a typo must not become a value.
      if (!/^-?\d+$/.test(text)) throw new Error(`${quote(text)} is not a whole number`);
      const value = Number(text);
      if (value < range.min || value > range.max) {
        throw new Error(`${text} is out of range, it must be ${range.min} to ${range.max}`);
      }
      return value;
    },
    fallback,
    shown: String(fallback),
    help: `${help} (${range.min} to ${range.max})`,
    isBoolean: false,
  };
}

/** `true` or `false`, also written 1 or 0. */
export function boolean(fallback: boolean, help: string): Setting<boolean> {
  return {
    parse: (text) => {
      if (text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      throw new Error(`${quote(text)} is neither true nor false`);
    },
    fallback,
    shown: String(fallback),
    help,
    isBoolean: true,
  };
}

/** One word out of a few. */
export function choice<const T extends string>(words: readonly T[], fallback: T, help: string): Setting<T>;
export function choice<const T extends string>(
  words: readonly T[],
  fallback: undefined,
  help: string,
  shown: string,
): Setting<T | undefined>;
export function choice<const T extends string>(
  words: readonly T[],
  fallback: T | undefined,
  help: string,
  shown: string = fallback ?? 'none',
): Setting<T | undefined> {
  return {
    parse: (text) => {
      const word = words.find((candidate) => candidate === text);
      if (word === undefined) throw new Error(`${quote(text)} is none of ${words.join(', ')}`);
      return word;
    },
    fallback,
    shown,
    help: `${help} (${words.join(', ')})`,
    isBoolean: false,
  };
}

/** Any text that `parse` accepts. */
export function parsed<T>(fallback: string, parse: (text: string) => T, help: string): Setting<T> {
  return { parse, fallback: parse(fallback), shown: fallback, help, isBoolean: false };
}

/** Any text that `parse` accepts; undefined where nothing is set. */
export function optional<T>(parse: (text: string) => T, help: string): Setting<T | undefined> {
  return { parse, fallback: undefined, shown: 'none', help, isBoolean: false };
}

/** A value in a message: quoted, on one line, and not longer than a line bears. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
