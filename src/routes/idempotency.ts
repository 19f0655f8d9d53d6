import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { invalid } from './problem.ts';

const HEADER = 'Idempotency-Key';
/** A string of RFC 9651, as the draft wants it, or what most callers send: the same without quotes. */
const FORM = '^(?:"((?:[ !#-\\[\\]-~]|\\\\["\\\\]){1,255})"|([!#-+.-:<-~-]{1,255}))$';
const KEY = new RegExp(FORM);
const NO_BYTES = Buffer.alloc(0);
const ESCAPED = /\\(["\\])/g;

/** For the document; no schema of a route has it, since all headers would be validated with it. */
export const idempotencyHeader = {
  [HEADER]: Type.Optional(
    Type.String({
      description: [
        'Made up by you, the same for each retry of this call: 1 to 255 characters, a UUID for instance, bare or in double quotes.',
        'While the gateway remembers it, a retry with the same body and parameters is told what came of the first call, and puts',
        'nothing; with others it is 422. Keys belong to a tube and to a caller. Failures with the `outcome` `none` are not',
        'remembered, those with `unknown` are; of a batch that put anything at all, the failures of single jobs are too. A gateway',
        'that was restarted remembers none.',
      ].join(' '),
      pattern: FORM,
      examples: ['8e03978e-40d5-43e8-bc93-6894a57f9324'],
    }),
  ),
};

/**
 * Under what the first result of this call is remembered: its Idempotency-Key, which means another call for another tube
 * or caller. Undefined without one.
 */
export function idempotencyKey({ headers, owner }: FastifyRequest, tube: string): string | undefined {
  const given = headers['idempotency-key'];
  if (given === undefined) return undefined;
  // Node joins several of them with commas, which no form has outside of quotes.
  const [, quoted, bare] = KEY.exec(String(given)) ?? [];
  const key = quoted?.replace(ESCAPED, '$1') ?? bare;
  if (key === undefined) {
    throw invalid({
      in: 'header',
      name: HEADER,
      message: 'must be 1 to 255 visible ASCII characters, bare or in double quotes, and come once',
    });
  }
  // Its digest: what is made of pieces of a request keeps all of that request in memory.
  return sha256(`${owner?.name ?? ''}\n${tube}\n${key}`);
}

/** Tells requests apart: by what they ask for besides the body, and the body. */
export const fingerprint = (about: string, body: Buffer): string => sha256(`${about}\n`, body);

const sha256 = (text: string, bytes: Buffer = NO_BYTES): string =>
  createHash('sha256').update(text).update(bytes).digest('base64');
