import { BODY_MAX } from './bodies.ts';
import type { Operation, Parameter } from './document.ts';
import { fitsSchema } from './fits.ts';
import { ACCEPTS } from './headers.ts';
import { itemsIn } from './items.ts';
import type { Reading } from './reading.ts';
import type { Request } from './request.ts';

const BYTES = 'application/octet-stream';
/** Path, query and headers together (src/app.ts); around that, it depends on what Node counts. */
const HEAD_MAX = 81_920;
const HEAD_ABOUT = 2_000;
/** A batch of this size may be too big. Bytes. */
const LARGE_BATCH = 10_000;
/** A deadline that the call itself makes so short that beanstalkd need not keep it. Milliseconds. */
const SHORT_DEADLINE_MS = 1_500;
/** What depends on the jobs and not on the call. */
const ABOUT_STATE = [404, 409, 410];

/** With which statuses a call may be answered. */
export interface Verdict {
  /** Whether nothing is wrong with the call. */
  readonly valid: boolean;
  readonly statuses: ReadonlySet<number>;
}

/** What is wrong with a call: it must be refused with one of the first, or else may be with one of the second. */
interface Complaints {
  readonly sure: Set<number>;
  readonly possible: Set<number>;
}

/** What a call must be answered with by the document and API.md, as far as the call alone tells. */
export function verdictOn(request: Request, reading: Reading): Verdict {
  const { operation } = reading;
  const complaints = { sure: new Set<number>(), possible: new Set<number>() };
  judgeHead(request, complaints);
  if (!reading.sound) complaints.sure.add(400);
  else if (reading.path === undefined) complaints.sure.add(404);
  else if (operation === undefined) complaints.sure.add(405);
  else {
    judgeParameters(operation, reading, complaints);
    judgeHeaders(operation, request, complaints);
    judgeForm(operation, request, reading, complaints);
    judgeBody(operation, request, complaints);
    if (deadlineOf(reading) < SHORT_DEADLINE_MS) complaints.possible.add(504);
  }
  const { sure, possible } = complaints;
  if (sure.size > 0 || operation === undefined) {
    return { valid: false, statuses: new Set([...sure, ...possible]) };
  }
  const usual = [...operation.responses.keys()].filter(
    (status) => status < 400 || ABOUT_STATE.includes(status),
  );
  return { valid: true, statuses: new Set([...usual, ...possible]) };
}

function judgeHead({ head, target }: Request, { sure, possible }: Complaints): void {
  // A fragment is not for the server (RFC 9110, section 4.2.5); what one makes of it is open.
  if (target.includes('#')) possible.add(400);
  if (head.length > HEAD_MAX + HEAD_ABOUT) sure.add(431);
  else if (head.length > HEAD_MAX - HEAD_ABOUT) possible.add(431);
}

function judgeParameters(operation: Operation, reading: Reading, { sure, possible }: Complaints): void {
  const parameters = operation.parameters.filter((parameter) => parameter.in !== 'header');
  if (!parameters.every((parameter) => isRight(parameter, reading))) sure.add(400);
  const names = new Set(parameters.map(({ name }) => name));
  if (!reading.inQuery.every(([name]) => names.has(name) && !reading.inPath.has(name))) sure.add(400);
  // A router may find nothing under an empty segment.
  if ([...reading.inPath.values()].includes('')) possible.add(404);
}

function judgeHeaders({ parameters }: Operation, request: Request, { sure }: Complaints): void {
  for (const { in: place, name, schema } of parameters) {
    const given = headersOf(request, name.toLowerCase());
    if (place !== 'header' || given.length === 0) continue;
    // Blanks around a value do not belong to it (RFC 9110, section 5.5).
    if (!fitsSchema(given.join(', ').replace(/^[ \t]+|[ \t]+$/g, ''), schema)) sure.add(400);
  }
}

function isRight({ name, in: place, required, schema }: Parameter, { inPath, inQuery }: Reading): boolean {
  if (place === 'path') return fitsSchema(inPath.get(name) ?? '', schema);
  const given = inQuery.flatMap(([each, text]) => (each === name ? [text] : []));
  if (given.length === 0) return !required;
  const { items, minItems = 1, maxItems = 1, uniqueItems = false } = schema;
  return (
    given.length >= minItems &&
    given.length <= maxItems &&
    (!uniqueItems || new Set(given).size === given.length) &&
    given.every((text) => fitsSchema(text, items ?? schema))
  );
}

const queryValue = ({ inQuery }: Reading, wanted: string) => inQuery.find(([name]) => name === wanted)?.[1];

const deadlineOf = (reading: Reading) =>
  Number(queryValue(reading, 'deadlineMs') ?? Number.POSITIVE_INFINITY);

function judgeForm(
  { responses }: Operation,
  request: Request,
  reading: Reading,
  { sure, possible }: Complaints,
): void {
  if (![...responses.values()].some(({ content = {} }) => BYTES in content)) return;
  const [accept, ...others] = headersOf(request, 'accept');
  if (accept === undefined) return;
  const form = others.length === 0 && Object.hasOwn(ACCEPTS, accept) ? ACCEPTS[accept] : undefined;
  if (form === 'neither') sure.add(406);
  const several = Number(queryValue(reading, 'count') ?? 1) > 1;
  if (form === 'bytes' && several) sure.add(400);
  if (form === undefined) possible.add(406).add(400);
}

function judgeBody(operation: Operation, request: Request, { sure, possible }: Complaints): void {
  const { bodies } = operation;
  const { body } = request;
  const isEncoded = headersOf(request, 'content-encoding').length > 0;
  if (bodies.size === 0) {
    if (body.length > 0) sure.add(400);
  } else if (bodies.has(BYTES)) {
    if (isEncoded) sure.add(415);
    if (body.length > BODY_MAX) sure.add(413);
  } else if (body.length === 0) {
    sure.add(400);
    possible.add(415);
  } else {
    const type = mediaTypeOf(request);
    if (isEncoded || (type !== undefined && !bodies.has(type))) sure.add(415);
    if (type === undefined) possible.add(415);
    if (body.length > LARGE_BATCH) possible.add(413);
    if (itemsIn(operation, type ?? '', body) === undefined) sure.add(400);
  }
}

/** In lower case; undefined where it is hard to say. */
export function mediaTypeOf(request: Request): string | undefined {
  const [type = 'none/none'] = headersOf(request, 'content-type');
  return /^([a-z0-9.+-]+\/[a-z0-9.+-]+)(; charset=[a-z0-9-]+|; boundary=x)?$/.exec(type.toLowerCase())?.[1];
}

const headersOf = ({ headers }: Request, wanted: string) =>
  headers.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
