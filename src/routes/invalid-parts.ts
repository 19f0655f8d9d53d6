import type { InvalidPart } from './schemas/problem.ts';

/** What Ajv reports, as far as it is read here. */
export interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  /** Which of them there are depends on the keyword. */
  readonly params: {
    readonly additionalProperty?: unknown;
    readonly missingProperty?: unknown;
    readonly type?: unknown;
    readonly format?: unknown;
    readonly allowedValues?: unknown;
  };
  readonly message?: string;
}

interface ValidationError extends Error {
  readonly validation: readonly SchemaError[];
  readonly validationContext?: string;
}

/** More would help nobody, and a caller must not make the answer long. */
const PARTS_MAX = 20;

/** All that a schema checks of a tube's name is one rule to a caller. */
const TUBE_KEYWORDS = new Set(['pattern', 'not', 'minLength', 'maxLength']);
const TUBE_RULE = 'must be 1 to 200 of A-Z a-z 0-9 - + / ; . $ _ ( ), must not begin with -, nor be . or ..';

export const isValidationError = (error: unknown): error is ValidationError =>
  error instanceof Error && 'validation' in error && Array.isArray(error.validation);

export const invalidParts = (error: ValidationError): InvalidPart[] =>
  describe(partOf(error.validationContext), error.validation);

/** Names each thing that a schema found wrong. */
export function describe(where: InvalidPart['in'], errors: readonly SchemaError[]): InvalidPart[] {
  const parts = new Map<string, InvalidPart>();
  for (const error of errors) {
    if (parts.size === PARTS_MAX) break;
    const name = nameOf(where, error);
    const message = messageOf(where, name, error);
    parts.set(`${name} ${message}`, { in: where, name, message });
  }
  return [...parts.values()];
}

function partOf(context: string | undefined): InvalidPart['in'] {
  switch (context) {
    case 'params':
      return 'path';
    case 'querystring':
      return 'query';
    case 'headers':
      return 'header';
    default:
      return 'body';
  }
}

function nameOf(where: InvalidPart['in'], { instancePath, params }: SchemaError): string {
  const path = instancePath.split('/').slice(1).map(unescapePointer);
  const member = params.additionalProperty ?? params.missingProperty;
  if (typeof member === 'string') path.push(member);
  // A query parameter has one name, however often it is given.
  return where === 'body' ? path.join('.') : (path[0] ?? '');
}

const unescapePointer = (segment: string) => segment.replaceAll('~1', '/').replaceAll('~0', '~');

function messageOf(
  where: InvalidPart['in'],
  name: string,
  { keyword, params, message }: SchemaError,
): string {
  if (name === 'tube' && TUBE_KEYWORDS.has(keyword)) return TUBE_RULE;
  switch (keyword) {
    case 'additionalProperties':
      return where === 'body' ? 'is not a known member' : 'is not a known parameter';
    case 'required':
      return 'is missing';
    case 'type':
      if (where === 'query' && params.type === 'integer') {
        return 'must be a whole number, given once, in plain digits';
      }
      return where === 'query' && params.type === 'string'
        ? 'must be given once'
        : `must be ${article(params.type)}`;
    case 'enum':
      return `must be one of ${words(params.allowedValues)}`;
    case 'format':
      return params.format === 'uint64'
        ? 'must be a decimal number from 0 to 2^64 - 1'
        : (message ?? 'is not valid');
    default:
      return message ?? 'is not valid';
  }
}

const article = (type: unknown) => (/^[aio]/.test(String(type)) ? `an ${String(type)}` : `a ${String(type)}`);

const words = (values: unknown) => (Array.isArray(values) ? values.join(', ') : String(values));
