import { isUtf8 } from 'node:buffer';
import { type BodyRules, readBody, refuseBody } from './body.ts';
import type { App } from './context.ts';
import { invalid, Problem } from './problem.ts';

/*
 * How a scope of routes reads its bodies. Fastify chooses a parser by Content-Type and refuses one that is
 * malformed before any parser is asked; so each scope has one parser, and hides the header where it does not
 * matter.
 */

/** Bodies are bytes, whatever the Content-Type says; `request.body` is a Buffer, or undefined when empty. */
export function readBytes(app: App, rules: BodyRules): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, _payload, done) => readBody(request, rules, done));
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request.raw;
    if (headers['content-encoding'] !== undefined) {
      return done(
        new Problem(
          'unsupported-media-type',
          'a Content-Encoding is not kept: beanstalkd keeps bytes, not headers',
        ),
      );
    }
    delete headers['content-type'];
    done();
  });
}

/** No operation of the scope takes a body; an empty one is fine, whatever its Content-Type. */
export function readNothing(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, _payload, done) => refuseBody(request, done));
  app.addHook('onRequest', (request, _reply, done) => {
    delete request.raw.headers['content-type'];
    done();
  });
}

/**
 * Bodies are read as bytes, of one of these media types, and parsed by the route with {@link parseJson}.
 * An empty body is none, whatever its Content-Type.
 */
export function readTyped(app: App, mediaTypes: readonly string[], rules: BodyRules): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, _payload, done) => {
    const typed = mediaTypes.includes(request.mediaType ?? '');
    const empty = request.headers['content-length'] === '0';
    if (!typed && !empty) return done(unsupported(mediaTypes));
    const { headers } = request;
    if (headers['content-encoding'] !== undefined) return done(unsupported(mediaTypes));
    readBody(request, rules, done);
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
    if (name !== member) throw wrongBody('is no member that is known here', name);
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
