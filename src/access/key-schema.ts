import { type Static, Type } from 'typebox';
import { Compile, Pointer } from 'typebox/schema';
import { RIGHTS } from './rights.ts';

const SHOWN_MAX = 40;

/** Each description completes the sentence "this is not …". */
const KeySchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description: '1 to 64 of A-Z a-z 0-9 . _ -',
    }),
    sha256: Type.String({ pattern: '^[0-9A-Fa-f]{64}$', description: '64 hex digits' }),
    rights: Type.Array(Type.Enum(RIGHTS), {
      minItems: 1,
      uniqueItems: true,
      description: 'a list of at least one right, none of them twice',
    }),
    tubes: Type.Array(
      Type.String({
        pattern: '^[A-Za-z0-9+/;.$_()*-]{1,200}$',
        description: "1 to 200 of the characters of a tube's name and *",
      }),
      { minItems: 1, description: 'a list of at least one pattern' },
    ),
    expires: Type.Optional(
      Type.String({
        format: 'date-time',
        // The format knows leap seconds, small letters and names of zones as well; Date.parse does not.
        pattern: '^[0-9-]{10}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$',
        description: 'an RFC 3339 time with its offset, such as 2027-01-01T00:00:00Z',
      }),
    ),
    ratePerSecond: Type.Optional(wholeNumber(1_000_000)),
    maxWaits: Type.Optional(wholeNumber(10_000_000)),
    maxReservations: Type.Optional(wholeNumber(10_000_000)),
  },
  { additionalProperties: false, description: 'a mapping of name, sha256, rights, tubes' },
);

const KeyFileSchema = Type.Object(
  { keys: Type.Array(KeySchema, { description: 'a list' }) },
  { additionalProperties: false, description: 'a mapping with the list keys' },
);

const validator = Compile(KeyFileSchema);

/** One key as the file has it. */
export type KeyEntry = Static<typeof KeySchema>;

/** What is wrong, and with what: `"read" is none of …`, `['keys', '2', 'rights', '0']`. */
interface Fault {
  readonly path: readonly string[];
  readonly problem: string;
}

/** Whether this is what a key file holds. */
export const isKeyFile = (value: unknown): value is Static<typeof KeyFileSchema> => validator.Check(value);

/** The first thing that is wrong with something that is no key file. */
export function faultIn(value: unknown): Fault {
  const [, errors] = validator.Errors(value);
  // A misspelt member is also missing under its right name; what was written explains more.
  const error = errors.find(({ keyword }) => keyword === 'boolean') ?? errors[0];
  if (error === undefined) throw new Error('there is nothing wrong with it');
  const path = Pointer.Indices(error.instancePath);
  // Not where a whole file or entry should be, nor a digest: that text may be a key.
  const isShown = path.length > 2 && path.at(-1) !== 'sha256';
  const shown = isShown ? show(Pointer.Get(value, error.instancePath)) : '';
  switch (error.keyword) {
    case 'boolean':
      return { path, problem: 'is not a known member' };
    case 'required':
      return { path: [...path, ...error.params.requiredProperties.slice(0, 1)], problem: 'is missing' };
    case 'enum':
      return { path, problem: `${shown}is none of ${error.params.allowedValues.join(', ')}` };
    default:
      return { path, problem: `${shown}is not ${descriptionAt(error.schemaPath)}` };
  }
}

const descriptionAt = (schemaPath: string) =>
  Pointer.Get(KeyFileSchema, `${schemaPath.replace('#', '')}/description`);

/** Nothing long: it may be a key or a digest in the wrong place. */
function show(value: unknown): string {
  if (typeof value === 'object' || value === undefined) return '';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > SHOWN_MAX ? '' : `${text} `;
}

function wholeNumber(max: number) {
  return Type.Integer({ minimum: 1, maximum: max, description: `a whole number from 1 to ${max}` });
}
