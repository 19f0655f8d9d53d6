import type { RequestBody } from './operation.ts';

/** On an operation of the unfinished document: its body as the route describes it. */
export const DESCRIBED_BODY = 'x-body';

export interface WithBody {
  [DESCRIBED_BODY]?: RequestBody;
  requestBody?: { readonly content: Readonly<Record<string, object>> };
}

/** Puts back what @fastify/swagger leaves out of a body: all but its schemas. */
export function describeBody(operation: WithBody): void {
  const described = operation[DESCRIBED_BODY];
  delete operation[DESCRIBED_BODY];
  if (described === undefined || operation.requestBody === undefined) return;
  const { description, required, content } = described;
  const media = Object.entries(operation.requestBody.content).map(([type, withSchema]) => {
    const { schema: _, ...examples } = content[type] ?? {};
    return [type, { ...withSchema, ...examples }] as const;
  });
  operation.requestBody = Object.assign({ description, required }, { content: Object.fromEntries(media) });
}
