import { resolved } from '../routes/described-parts.ts';

/** A JSON schema, as far as the document uses them for what is sent. */
export interface Schema {
  readonly type?: 'string' | 'integer' | 'array' | 'object';
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: string;
  readonly not?: Schema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

interface Media {
  readonly schema?: Schema;
}

interface Response {
  readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Described {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
}

/** One operation of the document, every `$ref` in it resolved. */
export interface Operation {
  readonly id: string;
  readonly tag: string;
  /** In capitals. */
  readonly method: string;
  /** With `{name}` for each parameter. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** By media type; empty for an operation that takes no body. */
  readonly bodies: ReadonlyMap<string, Schema>;
  /** By status. */
  readonly responses: ReadonlyMap<number, Response>;
}

/** The OpenAPI document that a gateway serves, as a list of what can be called. */
export class ApiDocument {
  readonly operations: readonly Operation[];
  readonly paths: readonly string[];

  constructor(text: string) {
    const raw: unknown = JSON.parse(text);
    const { paths } = resolved(raw) as {
      readonly paths: Readonly<Record<string, Record<string, Described>>>;
    };
    this.paths = Object.keys(paths);
    this.operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) =>
        operationOf(path, method.toUpperCase(), described),
      ),
    );
  }

  static async servedBy(url: string): Promise<ApiDocument> {
    return new ApiDocument(await (await fetch(`${url}/openapi.json`)).text());
  }

  named(id: string): Operation {
    const found = this.operations.find((operation) => operation.id === id);
    if (found === undefined) throw new Error(`the document has no ${id}`);
    return found;
  }
}

function operationOf(path: string, method: string, described: Described): Operation {
  const { operationId: id, tags, parameters = [], requestBody, responses } = described;
  const bodies = Object.entries(requestBody?.content ?? {});
  return {
    id,
    tag: tags[0] ?? '',
    method,
    path,
    parameters,
    bodies: new Map(
      bodies.map(([type, { schema = {} }]) => [type, type === LINES ? itemIn(bodies) : schema]),
    ),
    responses: new Map(Object.entries(responses).map(([status, response]) => [Number(status), response])),
  };
}

const LINES = 'application/x-ndjson';

/** Of what each line is, by the other form of the same body. */
function itemIn(bodies: readonly (readonly [type: string, media: Media])[]): Schema {
  const json = bodies.find(([type]) => type === 'application/json')?.[1].schema;
  return Object.values(json?.properties ?? {})[0]?.items ?? {};
}
