import type { FastifyRequest } from 'fastify';
import type { App } from './context.ts';
import { memberOf } from './member.ts';

const DIGITS = /^[0-9]+$/;

/** The query as parsed from the URL: strings, arrays of strings where a name came more than once. */
type Query = Record<string, unknown>;

/** Every route with a query schema converts before it validates. */
export function convertQueries(app: App): void {
  app.addHook('onRoute', (route) => {
    const convert = queryConverter(route.schema?.querystring);
    if (convert === undefined) return;
    const converting = (request: FastifyRequest, _reply: unknown, done: () => void) => {
      if (isQuery(request.query)) convert(request.query);
      done();
    };
    route.preValidation = [converting, ...[route.preValidation ?? []].flat()];
  });
}

const isQuery = (query: unknown): query is Query => typeof query === 'object' && query !== null;

/**
 * Makes the converter for a query schema. Ajv's own coercion would take `1e3`, ` 5` and the empty string
 * for numbers; here only plain digits become one, and everything else stays what it is, for validation to
 * refuse by name.
 */
export function queryConverter(schema: unknown): ((query: Query) => void) | undefined {
  const numbers = namesOf(schema, 'integer');
  const lists = namesOf(schema, 'array');
  if (numbers.length === 0 && lists.length === 0) return undefined;
  return (query) => {
    for (const name of numbers) {
      const value = query[name];
      if (typeof value === 'string' && DIGITS.test(value)) query[name] = Number(value);
    }
    for (const name of lists) {
      const value = query[name];
      if (typeof value === 'string') query[name] = [value];
    }
  };
}

function namesOf(schema: unknown, type: string): string[] {
  return Object.entries(memberOf(schema, 'properties') ?? {})
    .filter(([, property]) => memberOf(property, 'type') === type)
    .map(([name]) => name);
}
