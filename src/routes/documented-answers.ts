import type { TLocalizedValidationError } from 'typebox/error';
import { Format } from 'typebox/format';
import { Compile } from 'typebox/schema';
import { memberOf } from './member.ts';
import { isUint64 } from './schemas/scalars.ts';

/** Which of the answers that the document announces this one is to be. */
interface Announced {
  readonly method: string;
  /** As the document has it, with `{name}` for each parameter. */
  readonly path: string;
  readonly status: number;
}

interface Answer extends Announced {
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string | Buffer | undefined;
}

type Faults = readonly string[];
type Validate = (value: unknown) => Faults;

const BYTES = 'application/octet-stream';
const DIGITS = /^-?[0-9]+$/;
const UNANNOUNCED_BODY = 'there is a body, and none is announced';

Format.Set('uint64', isUint64);

/** The OpenAPI document as the judge of answers: whatever it does not announce is a fault. */
export class DocumentedAnswers {
  readonly #document: unknown;
  readonly #components: unknown;
  /** By schema, since most answers share one. */
  readonly #validators = new Map<string, Validate>();

  constructor(document: unknown) {
    this.#document = document;
    this.#components = closed(memberOf(document, 'components'));
  }

  /** What is wrong with an answer as it is sent; nothing where the document does not have the operation. */
  faultsOf(answer: Answer): Faults {
    return this.#judge(answer, (response) => [
      ...this.#faultsOfHeaders(response, answer.headers),
      ...this.#faultsOfBody(response, answer),
    ]);
  }

  /** What is wrong with the value that a serialiser is given. */
  faultsOfValue(announced: Announced, mediaType: string, value: unknown): Faults {
    return this.#judge(announced, (response) => {
      const content = memberOf(response, 'content');
      return content === undefined ? [UNANNOUNCED_BODY] : this.#faultsIn(value, content, mediaType);
    });
  }

  #judge({ method, path, status }: Announced, look: (response: unknown) => Faults): Faults {
    const documented = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = memberOf(memberOf(memberOf(this.#document, 'paths'), path), documented);
    if (operation === undefined) return [];
    const response = this.#resolve(memberOf(memberOf(operation, 'responses'), String(status)));
    const faults = response === undefined ? ['this status is not announced'] : look(response);
    return faults.map((fault) => `${String(memberOf(operation, 'operationId'))} ${status}: ${fault}`);
  }

  #faultsOfHeaders(response: unknown, headers: Answer['headers']): Faults {
    // What describes a raw body cannot be required of an answer that may be JSON instead.
    const isRaw = mediaTypeIn(headers) === BYTES;
    return Object.entries(memberOf(response, 'headers') ?? {}).flatMap(([name, documented]) => {
      const header = this.#resolve(documented);
      const value = headers[name.toLowerCase()];
      if (value === undefined)
        return isRaw || memberOf(header, 'required') === true ? [`${name} is missing`] : [];
      const schema = memberOf(header, 'schema');
      return this.#validatorOf(schema)(headerValue(String(value), schema)).map((fault) => `${name}${fault}`);
    });
  }

  #faultsOfBody(response: unknown, { method, headers, body }: Answer): Faults {
    const content = memberOf(response, 'content');
    if (content === undefined) return body === undefined || body.length === 0 ? [] : [UNANNOUNCED_BODY];
    const mediaType = mediaTypeIn(headers);
    if (method === 'HEAD' || !mediaType.endsWith('json'))
      return this.#faultsIn(undefined, content, mediaType);
    try {
      return this.#faultsIn(JSON.parse(String(body)), content, mediaType);
    } catch (error) {
      if (error instanceof SyntaxError) return ['the body is no JSON'];
      throw error;
    }
  }

  /** Whether there is such a form at all and, of JSON, whether the value is what its schema says. */
  #faultsIn(value: unknown, content: unknown, mediaType: string): Faults {
    const media = memberOf(content, mediaType);
    if (media === undefined) return [`the form ${mediaType} is not announced`];
    if (value === undefined) return [];
    return this.#validatorOf(memberOf(media, 'schema'))(value).map((fault) => `the body${fault}`);
  }

  #validatorOf(schema: unknown): Validate {
    const key = JSON.stringify(schema);
    const known = this.#validators.get(key);
    if (known !== undefined) return known;
    const validator = Compile({ ...Object(closed(schema)), components: this.#components });
    const validate = (value: unknown) =>
      validator.Check(value) ? [] : validator.Errors(value)[1].flatMap(told);
    this.#validators.set(key, validate);
    return validate;
  }

  /** What it refers to, where it does. */
  #resolve(value: unknown): unknown {
    const reference = memberOf(value, '$ref');
    if (typeof reference !== 'string') return value;
    return this.#resolve(reference.split('/').slice(1).reduce(memberOf, this.#document));
  }
}

function told(error: TLocalizedValidationError): Faults {
  const { instancePath: path, message } = error;
  // One of them for each member that there must not be, each reported by its parent too.
  if (error.keyword === 'boolean') return [];
  return error.keyword === 'additionalProperties'
    ? [`${path} has members that are not announced: ${error.params.additionalProperties.join(', ')}`]
    : [`${path} ${message}`];
}

/** Numbers travel in headers as their digits. */
const headerValue = (text: string, schema: unknown): unknown =>
  memberOf(schema, 'type') === 'integer' && DIGITS.test(text) ? Number(text) : text;

const mediaTypeIn = (headers: Answer['headers']): string =>
  String(headers['content-type']).split(';')[0] ?? '';

/** The schema with no room for members that it does not know. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => [name, closed(value)] as const);
  const isObject = memberOf(schema, 'type') === 'object' && 'properties' in schema;
  return Object.fromEntries(isObject ? [['additionalProperties', false], ...entries] : entries);
}
