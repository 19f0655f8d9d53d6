import { at } from './contract.ts';

/** The document with what they stand for in place of all references; none of them is recursive. */
export function resolved(document: unknown): unknown {
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const reference = at(value, '$ref');
    if (typeof reference === 'string') return resolve(at(document, ...reference.split('/').slice(1)));
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolve(member)]));
  };
  return resolve(document);
}

/** A parameter, a body or a header: what has a schema and examples. */
export interface Part {
  readonly where: string;
  readonly schema: unknown;
  readonly examples: readonly unknown[];
}

/** An operation of a resolved document. */
export interface DescribedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly described: unknown;
}

export const membersOf = (value: unknown): [name: string, member: unknown][] => Object.entries(value ?? {});

export const operationsOf = (document: unknown): DescribedOperation[] =>
  membersOf(at(document, 'paths')).flatMap(([path, methods]) =>
    membersOf(methods).map(([method, described]) => ({
      id: String(at(described, 'operationId')),
      method: method.toUpperCase(),
      path,
      described,
    })),
  );

/** All that is sent or answered, but for the statuses. */
export function partsOf({ id, described }: DescribedOperation): Part[] {
  const parameters = membersOf(at(described, 'parameters')).map(([, parameter]) =>
    partOf(`${id}: ${String(at(parameter, 'name'))}`, parameter),
  );
  const bodies = mediaOf(`${id}: body`, at(described, 'requestBody'));
  const answers = membersOf(at(described, 'responses')).flatMap(([status, response]) => [
    ...membersOf(at(response, 'headers')).map(([name, header]) => partOf(`${id} ${status}: ${name}`, header)),
    ...mediaOf(`${id} ${status}:`, response),
  ]);
  return [...parameters, ...bodies, ...answers];
}

const mediaOf = (where: string, value: unknown): Part[] =>
  membersOf(at(value, 'content')).map(([mediaType, media]) => partOf(`${where} ${mediaType}`, media));

const partOf = (where: string, described: unknown): Part => ({
  where,
  schema: at(described, 'schema'),
  examples: examplesIn(described),
});

/** OpenAPI has three places for them. */
export function examplesIn(described: unknown): readonly unknown[] {
  const example = at(described, 'example');
  if (example !== undefined) return [example];
  const named = membersOf(at(described, 'examples')).map(([, each]) => at(each, 'value'));
  const inSchema = at(described, 'schema', 'examples');
  return [...named, ...(Array.isArray(inSchema) ? inSchema : [])];
}
