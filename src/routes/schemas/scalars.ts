import { Type } from 'typebox';

const UINT32_MAX = 4_294_967_295;
const UINT64_MAX = '18446744073709551615';
const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;

/** The string format `uint64`: decimal, no sign, no leading zeros, at most 2^64 - 1. */
export const isUint64 = (text: string): boolean =>
  DECIMAL.test(text) && (text.length < UINT64_MAX.length || text <= UINT64_MAX);

/** No lookahead: the pattern is read by other languages' engines (RE2, Rust) as well. */
export const TUBE_PATTERN = '^[A-Za-z0-9+/;.$_()][A-Za-z0-9+/;.$_()-]{0,199}$';

export const tubeName = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 200,
    pattern: TUBE_PATTERN,
    // URL normalisation makes these two unreachable in a path. Without the type Swagger UI calls a tube `never`.
    not: { type: 'string', enum: ['.', '..'] },
    examples: ['mail'],
  });

export const jobId = (description: string) =>
  Type.String({ description, format: 'uint64', maxLength: 20, examples: ['42'] });

export const token = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 200,
    pattern: '^[A-Za-z0-9._~-]+$',
    examples: ['0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51'],
  });

interface IntegerOptions {
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number;
  readonly examples?: number[];
}

/** `int64`, since 2^32 - 1 does not fit into a signed 32 bit integer of a generated client. */
export const uint32 = (description: string, options: IntegerOptions = {}) =>
  Type.Integer({ description, format: 'int64', minimum: 0, maximum: UINT32_MAX, ...options });

/** A figure in an answer. */
export const count = (description: string) => Type.Integer({ description, format: 'int64' });

export const seconds = (description: string) => Type.Integer({ description, format: 'int64' });

export const timestamp = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] });

export const DEFAULT_PRIORITY = 1024;
export const DEFAULT_DELAY = 0;
export const DEFAULT_TTR = 60;

const PRIORITY =
  'The smaller the number, the sooner the job is reserved. Jobs of one priority are reserved in the order in which they were put.';

export const priority = (options: IntegerOptions = {}) => uint32(PRIORITY, { examples: [512], ...options });

export const delay = (description: string, options: IntegerOptions = {}) =>
  uint32(description, { examples: [30], ...options });

export const ttr = (options: IntegerOptions = {}) =>
  uint32(
    'Time to run: the seconds that a worker has for the job. When they are over, it is ready again for another worker.',
    { minimum: 1, examples: [120], ...options },
  );

/** One of a few words; an `enum` rather than TypeBox's `anyOf`, which generators read badly. */
export const oneOf = <const T extends readonly string[]>(
  words: T,
  options: { description: string; default?: T[number]; examples?: T[number][] },
) => Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...options });

export const ENCODINGS = ['utf-8', 'base64'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export const encoding = (description: string) => oneOf(ENCODINGS, { description });

export const JOB_STATES = ['ready', 'delayed', 'reserved', 'buried', 'invalid'] as const;

/** Of a job that nobody holds. */
export const UNHELD_STATES = ['ready', 'delayed', 'buried'] as const;

export const OUTCOMES = ['none', 'unknown'] as const;

export const outcome = () =>
  oneOf(OUTCOMES, {
    description:
      'Whether the call may have been carried out. `none`: nothing was done, a retry is safe. `unknown`: it may have been.',
  });
