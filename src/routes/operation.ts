import { type TSchema, Type } from 'typebox';
import type { Need } from './authorize.ts';
import type { ProblemName } from './problem-table.ts';

export const TAGS = ['produce', 'consume', 'tend', 'operate'] as const;

/** A media type of a request or an answer, as OpenAPI and Fastify's serialisers want it. */
interface Media {
  readonly schema: TSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>;
}

export interface Answer {
  readonly description: string;
  /** Without it the answer has no body. */
  readonly content?: Readonly<Record<string, Media>>;
  readonly headers?: Readonly<Record<string, TSchema>>;
}

interface Operation<P extends TSchema, Q extends TSchema> {
  readonly operationId: string;
  readonly tag: (typeof TAGS)[number];
  readonly need: Need;
  readonly wholeServer?: true;
  readonly summary: string;
  readonly description: string;
  readonly params?: P;
  readonly querystring?: Q;
  /** For the document; routes check their headers themselves. */
  readonly headers?: Readonly<Record<string, TSchema>>;
  readonly body?: RequestBody;
  readonly answers: Readonly<Record<number, Answer>>;
  readonly problems: readonly ProblemName[];
}

/** What the body may be; routes check it themselves, since one bad item must not fail a whole batch. */
export interface RequestBody {
  readonly description: string;
  readonly required: boolean;
  readonly content: Readonly<Record<string, Media>>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For the OpenAPI document alone: Fastify would compile a serialiser for each problem of each route. */
    readonly problems?: readonly ProblemName[];
    readonly requestBody?: RequestBody;
    readonly requestHeaders?: TSchema;
  }
}

const NOTHING = Type.Object({}, { additionalProperties: false });
type Nothing = typeof NOTHING;

/**
 * The options of a route: one description of an operation, from which come the validation, the static
 * types, the serialisers and the OpenAPI document. Unknown query parameters are always refused.
 */
export function operation<P extends TSchema = Nothing, Q extends TSchema = Nothing>(
  described: Operation<P, Q>,
) {
  const {
    params,
    querystring,
    answers,
    problems,
    headers,
    body,
    tag,
    need,
    wholeServer = false,
    ...about
  } = described;
  const schema: { params: P; querystring: Q } = {
    ...about,
    tags: [tag],
    ...(need === 'nothing' ? { security: [] } : {}),
    params: params ?? (NOTHING as TSchema as P),
    querystring: querystring ?? (NOTHING as TSchema as Q),
    response: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, responseSchema(answer)]),
    ),
  } as { params: P; querystring: Q };
  return {
    schema,
    config: {
      need,
      wholeServer,
      problems,
      ...(body === undefined ? {} : { requestBody: body }),
      ...(headers === undefined ? {} : { requestHeaders: Type.Object(headers) }),
    },
  };
}

const responseSchema = (answer: Answer) =>
  answer.content === undefined ? { type: 'null', ...answer } : answer;

/** Parameters of a path or a query; unknown ones are refused. */
export const parameters = <const T extends Parameters<typeof Type.Object>[0]>(each: T) =>
  Type.Object(each, { additionalProperties: false });

export const json = (schema: TSchema, example: unknown): Readonly<Record<string, Media>> => ({
  'application/json': { schema, example },
});
