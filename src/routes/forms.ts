import type { FastifyRequest } from 'fastify';
import { preferred } from './accept.ts';
import { Problem } from './problem.ts';

export const JSON_FORM = 'application/json';
export const BYTES_FORM = 'application/octet-stream';
const BODY_FORMS = [JSON_FORM, BYTES_FORM] as const;

export type BodyForm = (typeof BODY_FORMS)[number];

/** The form of an answer that carries a job's body; decided before a job is taken. */
export function bodyForm(request: FastifyRequest): BodyForm {
  const form = preferred(request.headers.accept, BODY_FORMS);
  if (form === undefined) {
    throw new Problem('not-acceptable', `this answer is ${BODY_FORMS.join(' or ')}`);
  }
  return form;
}
