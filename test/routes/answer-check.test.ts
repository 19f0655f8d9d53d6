import swagger from '@fastify/swagger';
import type { FastifyReply } from 'fastify';
import { pino } from 'pino';
import { Type } from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newApp } from '../../src/http.ts';
import { checkAnswers } from '../../src/routes/answer-check.ts';
import type { App } from '../../src/routes/context.ts';
import { serializeBodies } from '../../src/routes/job-answer.ts';
import { openapiOptions } from '../../src/routes/openapi-document.ts';
import { json, operation } from '../../src/routes/operation.ts';
import { Problem } from '../../src/routes/problem.ts';
import { COMPONENTS } from '../../src/routes/schemas/components.ts';
import { ref } from '../../src/routes/schemas/reference.ts';
import { KickedSchema } from '../../src/routes/schemas/tube.ts';
import { poolFor } from '../support/pool.ts';

/*
 * An API of one operation, whose handler is each test's own. The answer announced: 200 with the number of kicked jobs and
 * a header, or nothing with 204.
 */

const kick = operation({
  operationId: 'kick',
  tag: 'tend',
  need: 'nothing',
  summary: 'Kick',
  description: 'Kicks.',
  answers: {
    200: {
      description: 'Kicked.',
      headers: { 'Kick-Count': Type.Integer({ description: 'How many.' }) },
      content: json(ref(KickedSchema), { kicked: 7 }),
    },
    204: { description: 'There was nothing to kick.' },
  },
  problems: ['invalid-request'],
});

let handle: (reply: FastifyReply) => unknown = () => undefined;
const lines: string[] = [];
const pool = poolFor({ host: '127.0.0.1', port: 1 });
let app: App;

beforeAll(async () => {
  const logger = pino({}, { write: (line) => lines.push(line) });
  app = newApp({
    pool,
    logger,
    trustProxy: [],
    tls: undefined,
    keepaliveDelayMs: 10_000,
    connectionsMax: 10,
  });
  for (const component of COMPONENTS) app.addSchema(component);
  checkAnswers(app);
  await app.register(swagger, openapiOptions('0.0.0-test'));
  app.post('/v1/kick', kick, async (_request, reply) => handle(reply));
  app.get('/hidden', { schema: { hide: true } }, async (_request, reply) => reply.code(218).send('anything'));
  await app.ready();
});

afterAll(async () => {
  await app.close();
  await pool.close();
});

async function answerOf(handler: typeof handle) {
  handle = handler;
  lines.length = 0;
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/v1/kick' });
  return { status: statusCode, type: body === '' ? undefined : Reflect.get(JSON.parse(body), 'type'), body };
}

test.each<[what: string, status: number, typeof handle]>([
  ['an object and its header', 200, (reply) => void reply.header('kick-count', 7).send({ kicked: 7 })],
  ['an empty answer', 204, (reply) => void reply.code(204).send()],
])('what is announced leaves as it is: %s', async (_what, status, handler) => {
  expect(await answerOf(handler)).toMatchObject({ status });
  expect(lines).toEqual([]);
});

test('a problem that is announced is answered', async () => {
  const answer = await answerOf(() => {
    throw new Problem('invalid-request', 'no', { extensions: { errors: [] } });
  });
  expect(answer).toMatchObject({ status: 400, type: '/problems/invalid-request' });
});

test.each<[what: string, told: string, typeof handle]>([
  ['a status', 'kick 201: this status is not announced', (reply) => reply.code(201).send({ kicked: 7 })],
  ['a problem', 'kick 404: this status is not announced', () => thrown(new Problem('job-not-found', 'no'))],
  [
    'a member of a problem',
    'kick 400: the body has members that are not announced: hint',
    () => thrown(new Problem('invalid-request', 'no', { extensions: Object({ hint: 'guess' }) })),
  ],
  [
    'a member, which the serialiser would drop',
    'kick 200: the body has members that are not announced: of',
    (reply) => reply.header('kick-count', 7).send({ kicked: 7, of: 9 }),
  ],
  [
    'a type, which the serialiser would turn into another',
    'kick 200: the body/kicked must be integer',
    (reply) => reply.header('kick-count', 7).send({ kicked: '7' }),
  ],
  [
    'a member, in what the route serialises itself',
    'kick 200: the body has members that are not announced: of',
    (reply) =>
      reply.header('kick-count', 7).send(serializeBodies(reply, '200', () => ({ kicked: 7, of: 9 }))),
  ],
  [
    'a text that is no JSON',
    'kick 200: the body is no JSON',
    (reply) => reply.header('kick-count', 7).type('application/json').send('{'),
  ],
  ['a header that is missing', 'kick 200: Kick-Count is missing', (reply) => reply.send({ kicked: 7 })],
  [
    'the type of a header',
    'kick 200: Kick-Count must be integer',
    (reply) => reply.header('kick-count', 'seven').send({ kicked: 7 }),
  ],
  [
    'a media type',
    'kick 200: the form text/plain is not announced',
    (reply) => reply.header('kick-count', 7).type('text/plain').send('7'),
  ],
  [
    'a body',
    'kick 204: there is a body, and none is announced',
    (reply) => reply.code(204).type('text/plain').send('x'),
  ],
])('what is not announced is a 500, and the log says why: %s', async (_what, told, handler) => {
  expect(await answerOf(handler)).toMatchObject({ status: 500, type: '/problems/internal-error' });
  expect(lines.map((line) => Reflect.get(JSON.parse(line), 'err').message)).toEqual([told]);
});

test('what is no operation of the document is left alone', async () => {
  const { statusCode, body } = await app.inject('/hidden');
  expect({ statusCode, body }).toEqual({ statusCode: 218, body: 'anything' });
});

function thrown(problem: Problem): never {
  throw problem;
}
