import { type TSchema, Type } from 'typebox';

/** On an operation of the unfinished document: the answers that its route describes, by status. */
export const DESCRIBED_ANSWERS = 'x-answers';

type DescribedAnswers = Readonly<Record<string, { readonly headers?: Readonly<Record<string, TSchema>> }>>;

export interface WithAnswers {
  [DESCRIBED_ANSWERS]?: DescribedAnswers;
  readonly responses: Readonly<Record<string, { readonly headers?: Readonly<Record<string, object>> }>>;
}

/** Puts back what @fastify/swagger leaves out of the header of an answer: whether it is always there. */
export function describeHeaders(operation: WithAnswers): void {
  const described = operation[DESCRIBED_ANSWERS] ?? {};
  delete operation[DESCRIBED_ANSWERS];
  for (const [status, { headers = {} }] of Object.entries(described)) {
    for (const [name, header] of Object.entries(operation.responses[status]?.headers ?? {})) {
      Object.assign(header, { required: !Type.IsOptional(headers[name]) });
    }
  }
}
