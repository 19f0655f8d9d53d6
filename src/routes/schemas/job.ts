import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { count, encoding, jobId, oneOf, seconds, timestamp, token, tubeName } from './scalars.ts';

const job = {
  id: jobId("The job's id: opaque, a string."),
  tube: tubeName('The tube that the job is in.'),
  priority: count('The more urgent, the smaller.'),
  ttr: seconds('Time to run: seconds that a worker has before the job is ready again.'),
  delay: seconds('The delay that it was last put or released with, in seconds.'),
  age: seconds('Seconds since it was put.'),
  reserves: count('How often it was reserved.'),
  timeouts: count('How often a reservation of it expired.'),
  releases: count('How often it was released.'),
  buries: count('How often it was buried.'),
  kicks: count('How often it was kicked.'),
};

export const JobSchema = Type.Object(job, { $id: 'Job', description: 'A job, without its body.' });
export type Job = Static<typeof JobSchema>;

export const JobStatisticsSchema = Type.Object(
  {
    ...job,
    state: oneOf(['ready', 'delayed', 'reserved', 'buried', 'invalid'], {
      description: 'Where it stands; `reserved` while a worker holds it.',
    }),
    timeLeft: seconds(
      'Seconds until a delayed job is ready, or until a reserved one expires; cut to whole seconds.',
    ),
    file: count('The number of the binlog file that holds it; 0 without a binlog.'),
  },
  { $id: 'JobStatistics', description: 'A job with its state, without its body.' },
);
export type JobStatistics = Static<typeof JobStatisticsSchema>;

const body = {
  body: Type.String({ description: 'The bytes that were put, in the encoding that `encoding` says.' }),
  encoding: encoding('`utf-8` when the bytes are valid UTF-8, else `base64`.'),
};

export const FoundJobSchema = Type.Object(
  { job: ref(JobStatisticsSchema), ...body },
  { $id: 'FoundJob', description: 'A job that was looked at, and nothing more: it stays where it is.' },
);

const reservation = {
  reservation: token(
    'Names the reservation in the calls that settle it. Opaque and unguessable: whoever has it can settle the job.',
  ),
};
const expiresAt = timestamp(
  'The earliest moment at which beanstalkd may take the job back. From then on the reservation answers 410.',
);

export const ReservationSchema = Type.Object(
  { ...reservation, job: ref(JobSchema), ...body, expiresAt },
  { $id: 'Reservation', description: 'A job that is held for you alone until `expiresAt`.' },
);
export type ReservationView = Static<typeof ReservationSchema>;

export const ReservationStatusSchema = Type.Object(
  { ...reservation, job: ref(JobStatisticsSchema), expiresAt },
  {
    $id: 'ReservationStatus',
    description: 'A reservation that is still held, with statistics of this moment.',
  },
);

export const ReservationListSchema = Type.Object(
  {
    reservations: Type.Array(ref(ReservationSchema), {
      description: 'Empty when beanstalkd said that nothing came in time.',
    }),
  },
  { $id: 'ReservationList', description: 'What was reserved.' },
);

export const TouchedSchema = Type.Object(
  { expiresAt },
  { $id: 'Touched', description: 'The time to run began anew.' },
);

export const exampleJob: Job = {
  id: '42',
  tube: 'mail',
  priority: 1024,
  ttr: 60,
  delay: 0,
  age: 3,
  reserves: 1,
  timeouts: 0,
  releases: 0,
  buries: 0,
  kicks: 0,
};

export const exampleReservation: ReservationView = {
  reservation: '0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51',
  job: exampleJob,
  body: 'Hello, worker!',
  encoding: 'utf-8',
  expiresAt: '2026-01-31T12:01:00.000Z',
};
