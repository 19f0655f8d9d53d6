import { type Static, Type } from 'typebox';
import { problemExtensions } from './problem.ts';
import { ref } from './reference.ts';
import {
  DEFAULT_DELAY,
  DEFAULT_PRIORITY,
  DEFAULT_TTR,
  delay,
  encoding,
  jobId,
  oneOf,
  priority,
  timestamp,
  token,
  ttr,
} from './scalars.ts';

export const NewJobSchema = Type.Object(
  {
    body: Type.String({
      description: 'The body of the job, in the encoding that `encoding` says.',
      examples: ['Hello!'],
    }),
    encoding: Type.Optional(
      encoding('How `body` stands for bytes: `utf-8`, which is taken where this is left out, or `base64`.'),
    ),
    priority: Type.Optional(priority({ default: DEFAULT_PRIORITY })),
    delay: Type.Optional(delay('Seconds until the job is ready.', { default: DEFAULT_DELAY })),
    ttr: Type.Optional(ttr({ default: DEFAULT_TTR })),
  },
  { $id: 'NewJob', description: 'A job to put.', additionalProperties: false },
);
export type NewJobItem = Static<typeof NewJobSchema>;

export const NewJobsSchema = Type.Object(
  {
    jobs: Type.Array(ref(NewJobSchema), {
      description: 'In this order; each succeeds or fails alone.',
      minItems: 1,
    }),
  },
  { $id: 'NewJobs', description: 'Jobs to put with one call.', additionalProperties: false },
);

const failure = {
  status: Type.Integer({
    description: 'The HTTP status that the same call alone would have answered.',
    format: 'int32',
  }),
  type: Type.Optional(
    Type.String({ description: 'On failure: names the problem.', format: 'uri-reference' }),
  ),
  title: Type.Optional(Type.String({ description: 'On failure: the problem in a few words.' })),
  detail: Type.Optional(Type.String({ description: 'On failure: what happened.' })),
  ...problemExtensions(),
};

export const PutResultSchema = Type.Object(
  {
    ...failure,
    id: Type.Optional(
      jobId('With status 201, the id of the job; with 507, that of one that exists, buried.'),
    ),
  },
  { $id: 'PutResult', description: 'What became of one job: status 201, or the members of a problem.' },
);
export type PutResult = Static<typeof PutResultSchema>;

export const PutResultsSchema = Type.Object(
  { results: Type.Array(ref(PutResultSchema), { description: 'In the order of the request.' }) },
  { $id: 'PutResults', description: 'What became of each job.' },
);

export const SettleItemSchema = Type.Object(
  {
    reservation: token('The reservation to settle.'),
    action: oneOf(['delete', 'release', 'bury', 'touch'], {
      description: 'What to do: the job is done, goes back, is set aside, or is still being worked on.',
    }),
    priority: Type.Optional(priority({})),
    delay: Type.Optional(delay('With `release`: seconds until the job is ready again.')),
  },
  { $id: 'SettleItem', description: 'One reservation to settle.', additionalProperties: false },
);
export type SettleItem = Static<typeof SettleItemSchema>;

export const SettleRequestSchema = Type.Object(
  {
    settle: Type.Array(ref(SettleItemSchema), { description: 'Each succeeds or fails alone.', minItems: 1 }),
  },
  { $id: 'SettleRequest', description: 'Reservations to settle with one call.', additionalProperties: false },
);

export const SettleResultSchema = Type.Object(
  {
    ...failure,
    expiresAt: Type.Optional(timestamp('With status 200: the earliest moment at which it may expire.')),
  },
  {
    $id: 'SettleResult',
    description: 'Status 204, status 200 with `expiresAt`, or the members of a problem.',
  },
);
export type SettleResult = Static<typeof SettleResultSchema>;

export const SettleResultsSchema = Type.Object(
  { results: Type.Array(ref(SettleResultSchema), { description: 'In the order of the request.' }) },
  { $id: 'SettleResults', description: 'What became of each reservation.' },
);
