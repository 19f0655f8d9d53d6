import { isUtf8 } from 'node:buffer';
import { type BodyRules, isEmpty, readBody, refuseBody } from './body.ts';
import type { App } from './context.ts';
import { invalid, Problem } from './problem.ts';

/*
 * How a scope of routes reads its bodies. Fastify would choose a parser by Content-Type, and refuse what is
 * malformed before any parser is asked; here most routes do not care. So it reads none (app.ts), and each scope
 * reads its own before it validates.
 */

/** Bodies are bytes, whatever the Content-Type says; `request.body` is a Buffer, or undefined when empty. */
export function readBytes(app: App, rules: BodyRules): void {
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.headers['content-encoding'] === undefined) readBody(request, rules, done);
    else done(new Problem('unsupported-media-type', ENCODED));
  });
}

const ENCODED = 'a Content-Encoding is not kept: beanstalkd keeps bytes, not headers';

/** No operation of the scope takes a body; an empty one is fine, whatever its Content-Type. */
export function readNothing(app: App): void {
  app.addHook('preValidation', (request, _reply, done) => refuseBody(request, done));
}

/**
 * Bodies are read as bytes, of one of these media types, and parsed by the route with {@link parseJson}.
 * An empty body is none, whatever its Content-Type.
 */
export function readTyped(app: App, mediaTypes: readonly string[], rules: BodyRules): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const { headers } = request;
    const typed = mediaTypes.includes(request.mediaType ?? '') && headers['content-encoding'] === undefined;
    if (typed || isEmpty(request)) readBody(request, rules, done);
    else done(unsupported(mediaTypes));
  });
}

const unsupported = (mediaTypes: readonly string[]) =>
  new Problem('unsupported-media-type', `this operation reads ${mediaTypes.join(' or ')}, uncompressed`);

/** The whole body as JSON. */
export function parseJson(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) throw wrongBody('is missing');
  if (!isUtf8(body)) throw wrongBody('is not UTF-8');
  try {
    // `__proto__` becomes a member like any other here, which no schema knows: refused by name.
    return JSON.parse(body.toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw wrongBody('is not valid JSON');
    throw error;
  }
}

/** A body that is an object with this one member, a list of 1 to `max` items of any kind. */
export function listIn(body: unknown, member: string, max: number): unknown[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw wrongBody('must be an object');
  for (const name of Object.keys(body)) {
    if (name !== member) throw wrongBody('is not a known member', name);
  }
  const list = Object.entries(body).find(([name]) => name === member)?.[1];
  if (!Array.isArray(list)) throw wrongBody(list === undefined ? 'is missing' : 'must be an array', member);
  return checkLength(list, member, max);
}

/** Refuses a batch that is empty or too long. */
export function checkLength<T>(items: T[], name: string, max: number): T[] {
  if (items.length === 0) throw wrongBody('must have at least one item', name);
  if (items.length > max) throw wrongBody(`must have at most ${max} items`, name);
  return items;
}

const wrongBody = (message: string, name = '') => invalid({ in: 'body', name, message });
