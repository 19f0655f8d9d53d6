import { ENCODINGS, JOB_STATES, OUTCOMES, UNHELD_STATES } from './schemas/scalars.ts';

interface Enum {
  readonly description: string;
  readonly type: 'string';
  readonly enum: readonly string[];
}

const words = (description: string, each: readonly string[]): Enum => ({
  description,
  type: 'string',
  enum: each,
});

/** The enums that occur in several places: a generated client has one type for each, not one for each place. */
export const NAMED_ENUMS: Readonly<Record<string, Enum>> = {
  Encoding: words('How bytes stand in JSON.', ENCODINGS),
  JobState: words('Where a job stands.', JOB_STATES),
  Outcome: words('What a call that failed did.', OUTCOMES),
  UnheldState: words('Where a job stands that nobody holds.', UNHELD_STATES),
};

const NAMES = new Map(Object.entries(NAMED_ENUMS).map(([name, { enum: each }]) => [each.join(), name]));

/** The same with a reference in the place of each of them; what else a place says of it, OpenAPI 3.1 has beside that. */
export function nameEnums(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nameEnums);
  if (typeof value !== 'object' || value === null) return value;
  const name = 'enum' in value && Array.isArray(value.enum) ? NAMES.get(value.enum.join()) : undefined;
  if (name === undefined) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, nameEnums(member)]));
  }
  const { type: _, enum: __, ...besides } = value as { readonly type?: unknown; readonly enum: unknown };
  return { $ref: `#/components/schemas/${name}`, ...besides };
}
