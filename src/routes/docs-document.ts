import { BYTES_FORM } from './forms.ts';

/** What is read of an OpenAPI document here. */
interface Document {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { content: Readonly<Record<string, object>>; required?: boolean };
}

interface Parameter {
  readonly required?: boolean;
  example?: unknown;
}

const CONTRACT = { description: 'The contract, for generators', url: '/openapi.json' };
const TEXT = { 'text/plain': { schema: { type: 'string' }, example: 'Hello, worker!' } };

/** Fits a copy of the contract to the page, whose fields hold the examples from the beginning. */
export function asThePageReads(document: Document): object {
  for (const { parameters = [], requestBody } of operationsOf(document)) {
    for (const parameter of parameters) if (parameter.required !== true) delete parameter.example;
    if (requestBody === undefined) continue;
    // An empty body of a job is none for the page, which would not send it.
    if (BYTES_FORM in requestBody.content) requestBody.required = false;
    requestBody.content = typeable(requestBody.content);
  }
  return { ...document, externalDocs: CONTRACT };
}

const operationsOf = ({ paths = {} }: Document): Operation[] =>
  Object.values(paths).flatMap((path) => Object.values(path));

/** The page takes bytes from a file alone, and puts the example of whatever is called `json` in quotes. */
function typeable(content: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  const media = Object.entries(content).map(
    ([type, described]) => [type.replace('ndjson', 'NDJSON'), described] as const,
  );
  return { ...(BYTES_FORM in content ? TEXT : {}), ...Object.fromEntries(media) };
}
