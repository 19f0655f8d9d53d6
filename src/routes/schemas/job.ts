import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { count, encoding, JOB_STATES, jobId, oneOf, seconds, timestamp, token, tubeName } from './scalars.ts';

const job = {
  id: jobId('The id of the job: a string, also where it looks like a number.'),
  tube: tubeName('The tube that the job is in.'),
  priority: count('The smaller the number, the sooner the job is reserved.'),
  ttr: seconds('Time to run: the seconds that a worker has before the job is ready again for another one.'),
  delay: seconds('The delay with which it was last put or released, in seconds.'),
  age: seconds('Seconds since it was put.'),
  reserves: count('How often it was reserved.'),
  timeouts: count('How often its time to run was over before its worker had settled it.'),
  releases: count('How often it was given back: by a worker, or by the gateway for one that had left.'),
  buries: count('How often it was set aside.'),
  kicks: count('How often it was made ready by a kick.'),
};

export const JobSchema = Type.Object(job, { $id: 'Job', description: 'A job, without its body.' });
export type Job = Static<typeof JobSchema>;

export const JobStatisticsSchema = Type.Object(
  {
    ...job,
    state: oneOf(JOB_STATES, {
      description:
        '`ready`: a worker may have it. `delayed`: it will be ready. `reserved`: a worker holds it. `buried`: it is set aside. `invalid`: it is being written at this moment.',
    }),
    timeLeft: seconds(
      'Whole seconds until a delayed job is ready, or until the time to run of a reserved one is over; else 0.',
    ),
    file: count(
      'The number of the file of the binlog, the journal of beanstalkd on disk, that holds it; 0 without a binlog.',
    ),
  },
  { $id: 'JobStatistics', description: 'A job with its state, without its body.' },
);
export type JobStatistics = Static<typeof JobStatisticsSchema>;

const body = {
  body: Type.String({ description: 'The body of the job, in the form that `encoding` names.' }),
  encoding: encoding(
    '`utf-8`: `body` is the text itself. `base64`: its bytes are no valid UTF-8, or base64 was asked for.',
  ),
};

export const FoundJobSchema = Type.Object(
  { job: ref(JobStatisticsSchema), ...body },
  { $id: 'FoundJob', description: 'A job that was looked at, and nothing more: it stays where it is.' },
);

const reservation = {
  reservation: token(
    'Names the reservation in the calls that settle it. It cannot be guessed: keep it to yourself, since whoever has it can settle the job.',
  ),
};
const expiresAt = timestamp(
  'The earliest moment at which beanstalkd may take the job back. From then on calls with this reservation are answered 410.',
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
    description: 'A reservation that is still held, with the figures of its job at this moment.',
  },
);

export const ReservationListSchema = Type.Object(
  {
    reservations: Type.Array(ref(ReservationSchema), {
      description: 'Empty when beanstalkd said that no job came in time.',
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
