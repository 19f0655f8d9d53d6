import { Type } from 'typebox';
import type { Limits } from './context.ts';
import { FAILURES } from './failures.ts';
import { BYTES_FORM } from './forms.ts';
import { type Answer, json, operation, parameters } from './operation.ts';
import { exampleReservation, ReservationListSchema, ReservationSchema } from './schemas/job.ts';
import { defaulted, ref } from './schemas/reference.ts';
import { ENCODINGS, jobId, oneOf, timestamp, token, tubeName } from './schemas/scalars.ts';

const TUBES_MAX = 100;
const COUNT_MAX = 100;
const DEADLINE_MIN_MS = 100;
/** What a deadline may be beyond the longest timeout. */
const DEADLINE_BEYOND_MS = 60_000;

const ABOUT = [
  'A reservation holds a job for you alone. Do the work, then delete the reservation, and with it the job. While',
  'the work takes longer than the time to run (`ttr`) of the job, touch the reservation. A worker that dies need not say',
  'so: when its time is over, the job is ready again for another one.',
].join(' ');

const WAITING = [
  'With a `timeout` the call waits until a job comes; you may hang up at any time, and no job is lost. An empty list',
  'means that beanstalkd said that none came; no word from it in time is 504. Only a gateway that is being stopped answers',
  'early, with `Connection: close`.',
].join(' ');

export const encodingParameter = () =>
  defaulted(
    oneOf(ENCODINGS, {
      description:
        '`utf-8`: the body comes as text where its bytes are valid UTF-8, else in base64. `base64`: always in base64.',
      default: 'utf-8',
      examples: ['base64'],
    }),
  );

const waitParameters = ({ reserveTimeoutMax, reserveGraceMs }: Limits) => ({
  timeout: defaulted(
    Type.Integer({
      description:
        'How many seconds to wait for a job when none is ready: the server-side timeout, which beanstalkd keeps.',
      minimum: 0,
      maximum: reserveTimeoutMax,
      default: 0,
      format: 'int32',
      examples: [20],
    }),
  ),
  deadlineMs: Type.Optional(
    Type.Integer({
      description: [
        'The client-side deadline: milliseconds within which the gateway answers, whatever the network or',
        `beanstalkd does. Left out, it is \`timeout\` × 1000 + ${reserveGraceMs}. The timeout applied is cut to`,
        'fit into it, and the header `Reserve-Timeout` says what it was.',
      ].join(' '),
      minimum: DEADLINE_MIN_MS,
      maximum: reserveTimeoutMax * 1000 + DEADLINE_BEYOND_MS,
      format: 'int32',
      examples: [22000],
    }),
  ),
  count: defaulted(
    Type.Integer({
      description:
        'How many jobs to take at most: it waits for the first, and takes of the others what is ready at once.',
      minimum: 1,
      maximum: COUNT_MAX,
      default: 1,
      format: 'int32',
      examples: [10],
    }),
  ),
  encoding: encodingParameter(),
});

const RESERVE_TIMEOUT = {
  'Reserve-Timeout': Type.Integer({
    description: 'The timeout that was applied, in seconds.',
    format: 'int32',
    examples: [20],
  }),
};

const RAW: Answer = {
  description: 'One reservation with the raw body, for a caller that accepts `application/octet-stream`.',
  headers: {
    Location: Type.String({
      description: 'The path of the reservation.',
      examples: ['/v1/reservations/0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51'],
    }),
    Reservation: token('The reservation: it names the job in the calls that settle it.'),
    'Job-Id': jobId('The id of the job.'),
    'Job-Tube': tubeName('The tube of the job.'),
    'Job-Priority': Type.Integer({ description: 'Its priority.', format: 'int64', examples: [1024] }),
    'Job-Ttr': Type.Integer({ description: 'Its time to run, in seconds.', format: 'int64', examples: [60] }),
    'Job-Reserves': Type.Integer({
      description: 'How often it was reserved, this time included.',
      format: 'int64',
      examples: [1],
    }),
    'Job-Releases': Type.Integer({
      description: 'How often it was given back: by a worker, or by the gateway for one that had left.',
      format: 'int64',
      examples: [0],
    }),
    'Reservation-Expires': timestamp('The earliest moment at which beanstalkd may take the job back.'),
  },
  content: {
    [BYTES_FORM]: {
      schema: Type.Unsafe<string>({ type: 'string', format: 'binary' }),
      example: 'Hello, worker!',
    },
  },
};

const ANSWERS: Readonly<Record<number, Answer>> = {
  200: {
    description: 'What was reserved; an empty list when beanstalkd said that no job came in time.',
    headers: RESERVE_TIMEOUT,
    content: json(ref(ReservationListSchema), { reservations: [exampleReservation] }),
  },
  201: { ...RAW, headers: { ...RESERVE_TIMEOUT, ...RAW.headers } },
  204: {
    description: 'No job came in time, for a caller that accepts `application/octet-stream`.',
    headers: RESERVE_TIMEOUT,
  },
};

const PROBLEMS = ['invalid-request', 'not-acceptable', 'too-many-waiters', ...FAILURES] as const;

export const reserveJobs = (limits: Limits) =>
  operation({
    operationId: 'reserveJobs',
    tag: 'consume',
    need: 'consume',
    summary: 'Reserve jobs of a tube',
    description: `${ABOUT} ${WAITING}`,
    params: parameters({ tube: tubeName('The name of the tube.') }),
    querystring: parameters(waitParameters(limits)),
    answers: ANSWERS,
    problems: PROBLEMS,
  });

export const reserveJobsFromTubes = (limits: Limits) =>
  operation({
    operationId: 'reserveJobsFromTubes',
    tag: 'consume',
    need: 'consume',
    summary: 'Reserve jobs of several tubes',
    description: `Reserves from several tubes at once, the job with the smallest priority number first. ${ABOUT} ${WAITING}`,
    querystring: parameters({
      tube: Type.Array(tubeName('The name of a tube.'), {
        description: `The tubes to take jobs from: the parameter is given once for each, for at most ${TUBES_MAX}.`,
        minItems: 1,
        maxItems: TUBES_MAX,
        examples: [['mail', 'sms']],
      }),
      ...waitParameters(limits),
    }),
    answers: ANSWERS,
    problems: PROBLEMS,
  });

export const reserveJobById = () =>
  operation({
    operationId: 'reserveJobById',
    tag: 'consume',
    need: 'consume',
    summary: 'Reserve one job by its id',
    description: `Takes this very job, whether it is ready, delayed or buried. ${ABOUT} Needs beanstalkd 1.12 or later.`,
    params: parameters({ id: jobId('The id of the job.') }),
    querystring: parameters({ encoding: encodingParameter() }),
    answers: {
      200: { description: 'The reservation.', content: json(ref(ReservationSchema), exampleReservation) },
      201: RAW,
    },
    problems: ['invalid-request', 'job-not-found', 'not-acceptable', 'job-state-conflict', ...FAILURES],
  });
