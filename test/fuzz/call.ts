import fc from 'fast-check';
import { type Body, bodyFor, NO_BODY, noBody } from './bodies.ts';
import type { ApiDocument, Operation, Parameter } from './document.ts';
import { type Header, headers, ODD_TYPES } from './headers.ts';
import { type Splice, splice } from './splice.ts';
import { ENCODED_TEXTS, LONG_TEXTS } from './texts.ts';
import { type Text, textFor } from './values.ts';
import { sometimes, weighted } from './weighted.ts';

/** How a text gets into a URL: by `encodeURIComponent`, every byte of it, once too often, or as it is. */
export type Encoding = 'component' | 'all' | 'all-lower' | 'twice' | 'bare';

/** A text in a URL. */
export interface Part {
  readonly text: Text;
  readonly encoding: Encoding;
}

/** A call as it was thought up. The names in it of what exists are filled in when it is made (request.ts). */
export interface Call {
  /** Of the operation. */
  readonly id: string;
  readonly method: string;
  readonly inPath: Readonly<Record<string, Part>>;
  readonly query: readonly (readonly [name: string, part: Part])[];
  /** In front of the path: nothing, or a scheme and a host. */
  readonly origin: string;
  readonly headers: readonly Header[];
  readonly body: Body;
  readonly framing: Framing;
  /** Bytes that no client would send; then there is no body. */
  readonly splice: Splice | undefined;
}

/** How the body is sent: its length declared, in chunks, or announced by `Expect: 100-continue`. */
export type Framing = 'length' | 'chunks' | 'expect';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND'];
const ORIGINS = ['http://fuzz', 'https://fuzz:1', 'http://[::1]'];
const UNKNOWN_PARAMETERS = [
  'x',
  '',
  '__proto__',
  'constructor',
  'tube[]',
  'ttr ',
  'Priority',
  'TIMEOUT',
  '\r\nquit\r\n',
  '\0',
];

/** What others have work from comes more often than once. */
const WEIGHTS: Readonly<Record<string, number>> = {
  putJob: 8,
  putJobs: 3,
  reserveJobs: 5,
  reserveJobsFromTubes: 4,
  reserveJobById: 3,
  settleReservations: 3,
  deleteReservedJob: 2,
  releaseReservedJob: 2,
  buryReservedJob: 2,
  touchReservedJob: 2,
};

/** Any call of any operation. */
export const anyCall = ({ operations }: ApiDocument): fc.Arbitrary<Call> =>
  weighted(...operations.map((operation) => [WEIGHTS[operation.id] ?? 1, callOf(operation)] as const));

function callOf(operation: Operation): fc.Arbitrary<Call> {
  const { id, method, parameters, bodies } = operation;
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const call = fc.record({
    id: fc.constant(id),
    method: weighted([50, fc.constant(method)], [1, fc.constantFrom(...METHODS)]),
    inPath: fc.record(Object.fromEntries(inPath.map((parameter) => [parameter.name, partOf(parameter)]))),
    query: fc.tuple(...inQuery.map(pairsOf), sometimes(3, unknownPair)).map((each) => each.flat()),
    origin: weighted([50, fc.constant('')], [1, fc.constantFrom(...ORIGINS)]),
    headers,
    payload: payloadOf(operation),
    framing: weighted<Framing>(
      [bodies.size > 0 ? 20 : 100, fc.constant('length')],
      [1, fc.constantFrom('chunks', 'expect')],
    ),
    spliced: sometimes(4, splice),
  });
  return call.map(({ headers: others, payload: [type, body], spliced: [spliced], ...rest }) => ({
    ...rest,
    headers: [...others, ...type],
    splice: spliced,
    // Nobody can say whether an answer to half of a HEAD has a body, nor where one ends that is sent behind.
    ...(spliced === undefined ? { body } : { method, body: NO_BODY }),
  }));
}

type Pair = readonly [name: string, part: Part];

/** How often a parameter is given: as the schema wants it, mostly. */
function pairsOf(parameter: Parameter): fc.Arbitrary<readonly Pair[]> {
  const { name, required, schema } = parameter;
  const once = fc.tuple(
    weighted([80, fc.constant(name)], [1, fc.constant(name.toUpperCase())]),
    partOf(parameter),
  );
  const some = (minLength: number, maxLength: number) => fc.array(once, { minLength, maxLength });
  const { minItems = 1, maxItems = 1 } = schema;
  return weighted<readonly Pair[]>(
    [20, some(minItems, Math.min(maxItems, 3))],
    [required ? 1 : 40, fc.constant([])],
    [1, maxItems === 1 ? some(2, 3) : some(maxItems, maxItems + 1)],
  );
}

const unknownPair: fc.Arbitrary<Pair> = fc.tuple(
  fc.constantFrom(...UNKNOWN_PARAMETERS),
  fc.record({ text: fc.constantFrom('', '1', 'x'), encoding: fc.constant('component' as const) }),
);

function partOf({ name, schema }: Parameter): fc.Arbitrary<Part> {
  const one = schema.items ?? schema;
  const part = (text: fc.Arbitrary<Text>, ...encodings: readonly Encoding[]) =>
    fc.record({ text, encoding: fc.constantFrom(...encodings) });
  return weighted(
    [600, part(textFor(name, one), 'component')],
    [100, part(textFor(name, one), 'all', 'all-lower', 'bare')],
    [10, part(textFor(name, one), 'twice')],
    [20, part(fc.constantFrom(...ENCODED_TEXTS), 'bare')],
    [1, part(fc.constantFrom(...LONG_TEXTS), 'component')],
  );
}

type Payload = readonly [contentType: readonly Header[], body: Body];

function payloadOf({ bodies }: Operation): fc.Arbitrary<Payload> {
  const typed = (types: fc.Arbitrary<string>) => types.map((type) => [['Content-Type', type] as const]);
  const odd = typed(fc.constantFrom(...ODD_TYPES, ...bodies.keys()));
  const none = fc.constant<readonly Header[]>([]);
  if (bodies.size === 0) return fc.tuple(weighted<readonly Header[]>([20, none], [1, odd]), noBody);
  const payloads = [...bodies].map(([type, schema]): fc.Arbitrary<Payload> => {
    const right = typed(fc.constantFrom(type, type, `${type}; charset=utf-8`, type.toUpperCase()));
    const types = weighted<readonly Header[]>([20, right], [1, odd], [1, none]);
    return fc.tuple(types, weighted([30, bodyFor(type, schema)], [1, noBody]));
  });
  return fc.oneof(...payloads);
}
