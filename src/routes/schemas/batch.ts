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
      description: 'The body of the job, in the form that `encoding` names.',
      examples: ['Hello!'],
    }),
    encoding: Type.Optional(
      encoding(
        '`utf-8`: `body` is the text itself. `base64`: it is any bytes, encoded. Left out, it is `utf-8`.',
      ),
    ),
    priority: Type.Optional(priority({ default: DEFAULT_PRIORITY })),
    delay: Type.Optional(
      delay('Seconds until a worker may have the job; it is `delayed` until then.', {
        default: DEFAULT_DELAY,
      }),
    ),
    ttr: Type.Optional(ttr({ default: DEFAULT_TTR })),
  },
  { $id: 'NewJob', description: 'A job to put.', additionalProperties: false },
);
export type NewJobItem = Static<typeof NewJobSchema>;

export const NewJobsSchema = Type.Object(
  {
    jobs: Type.Array(ref(NewJobSchema), {
      description: 'The jobs. Each succeeds or fails alone; the results come in this order.',
      minItems: 1,
    }),
  },
  { $id: 'NewJobs', description: 'Jobs to put with one call.', additionalProperties: false },
);

const failure = {
  status: Type.Integer({
    description: 'The HTTP status with which a call for this one alone would have been answered.',
    format: 'int32',
  }),
  type: Type.Optional(
    Type.String({
      description: 'On failure: which problem it is, as the path of the page that explains it.',
      format: 'uri-reference',
    }),
  ),
  title: Type.Optional(Type.String({ description: 'On failure: the problem in a few words.' })),
  detail: Type.Optional(Type.String({ description: 'On failure: what happened.' })),
  ...problemExtensions(),
};

export const PutResultSchema = Type.Object(
  {
    ...failure,
    id: Type.Optional(
      jobId('The id of the job: with status 201, and with 507 where the job exists but is buried.'),
    ),
  },
  {
    $id: 'PutResult',
    description: 'What became of one job: status 201 with `id` and `state`, or the members of a problem.',
  },
);
export type PutResult = Static<typeof PutResultSchema>;

export const PutResultsSchema = Type.Object(
  { results: Type.Array(ref(PutResultSchema), { description: 'In the order of the request.' }) },
  { $id: 'PutResults', description: 'What became of each job.' },
);

const OTHER_PRIORITY =
  'With `release` and `bury`: the priority that the job has from then on. Left out, it keeps its own.';

export const SettleItemSchema = Type.Object(
  {
    reservation: token('The reservation to settle.'),
    action: oneOf(['delete', 'release', 'bury', 'touch'], {
      description:
        '`delete`: the job is done. `release`: it is ready again. `bury`: it is set aside. `touch`: it needs more time.',
    }),
    priority: Type.Optional(priority({ description: OTHER_PRIORITY })),
    delay: Type.Optional(
      delay('With `release`: seconds until the job is ready again. Left out, it is ready at once.'),
    ),
  },
  { $id: 'SettleItem', description: 'One reservation to settle.', additionalProperties: false },
);
export type SettleItem = Static<typeof SettleItemSchema>;

export const SettleRequestSchema = Type.Object(
  {
    settle: Type.Array(ref(SettleItemSchema), {
      description: 'The reservations. Each succeeds or fails alone; the results come in this order.',
      minItems: 1,
    }),
  },
  { $id: 'SettleRequest', description: 'Reservations to settle with one call.', additionalProperties: false },
);

export const SettleResultSchema = Type.Object(
  {
    ...failure,
    expiresAt: Type.Optional(
      timestamp(
        'With status 200, after `touch`: the earliest moment at which beanstalkd may take the job back.',
      ),
    ),
  },
  {
    $id: 'SettleResult',
    description:
      'What became of one reservation: status 204, status 200 with `expiresAt`, or the members of a problem.',
  },
);
export type SettleResult = Static<typeof SettleResultSchema>;

export const SettleResultsSchema = Type.Object(
  { results: Type.Array(ref(SettleResultSchema), { description: 'In the order of the request.' }) },
  { $id: 'SettleResults', description: 'What became of each reservation.' },
);
