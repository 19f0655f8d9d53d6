import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { JOB_STATES, oneOf, outcome } from './scalars.ts';

export const InvalidPartSchema = Type.Object(
  {
    in: oneOf(['query', 'path', 'body', 'header'], { description: 'In which part of the request it is.' }),
    name: Type.String({
      description: 'The parameter, header or member; empty where the whole part is meant.',
    }),
    message: Type.String({ description: 'What is wrong with it.' }),
  },
  { $id: 'InvalidPart', description: 'One thing that is wrong with a request.' },
);
export type InvalidPart = Static<typeof InvalidPartSchema>;

/** The members that only some problems have. */
export const problemExtensions = () => ({
  outcome: Type.Optional(outcome()),
  errors: Type.Optional(
    Type.Array(ref(InvalidPartSchema), { description: 'With `invalid-request`: everything that is wrong.' }),
  ),
  reason: Type.Optional(
    Type.String({
      description:
        'With `reservation-ended`, how it ended: `expired`, `connection-lost`, `deleted`, `released`, `buried` or `unknown`. From `/readyz`, why no work should be sent.',
    }),
  ),
  id: Type.Optional(
    Type.String({
      description: 'With `beanstalkd-out-of-memory`: the id of the job, where it exists but is buried.',
    }),
  ),
  state: Type.Optional(
    oneOf(JOB_STATES, {
      description: 'The state that the job is in. On failure, only with `job-state-conflict`.',
    }),
  ),
  maxJobSize: Type.Optional(
    Type.Integer({ description: 'With `job-too-big`: the largest body taken, in bytes.', format: 'int64' }),
  ),
  maxBytes: Type.Optional(
    Type.Integer({
      description: 'With `request-too-big`: the largest request taken, in bytes.',
      format: 'int64',
    }),
  ),
});

export const ProblemSchema = Type.Object(
  {
    type: Type.String({
      description: 'Which problem it is: the path of a page of this gateway that explains it.',
      format: 'uri-reference',
    }),
    title: Type.String({ description: 'The problem in a few words, always the same for one `type`.' }),
    status: Type.Integer({ description: 'The HTTP status.', format: 'int32', minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What happened this time.' }),
    requestId: Type.String({ description: 'The `X-Request-Id` of this answer; the log has it too.' }),
    ...problemExtensions(),
  },
  { $id: 'Problem', description: 'Every error has this form (RFC 9457, `application/problem+json`).' },
);
export type ProblemBody = Static<typeof ProblemSchema>;

export const ProblemDescriptionSchema = Type.Object(
  {
    name: Type.String({ description: 'The last part of the `type`.' }),
    status: Type.Integer({ description: 'The HTTP status that it comes with.', format: 'int32' }),
    title: Type.String({ description: 'The problem in a few words.' }),
    meaning: Type.String({ description: 'What has happened.' }),
    action: Type.String({ description: 'What a caller can do about it.' }),
  },
  { $id: 'ProblemDescription', description: 'What a problem means and what to do about it.' },
);
export type ProblemDescription = Static<typeof ProblemDescriptionSchema>;
