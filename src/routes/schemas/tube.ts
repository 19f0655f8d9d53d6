import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { count, jobId, oneOf, seconds, tubeName } from './scalars.ts';

export const TubeSchema = Type.Object(
  {
    name: tubeName('The name of the tube.'),
    currentJobsUrgent: count('Ready jobs with a priority below 1024, which beanstalkd calls urgent.'),
    currentJobsReady: count('Ready jobs: a worker could have them now.'),
    currentJobsReserved: count('Reserved jobs: workers hold them.'),
    currentJobsDelayed: count('Delayed jobs: they will be ready later.'),
    currentJobsBuried: count('Buried jobs: they are set aside.'),
    totalJobs: count('Jobs that were put since the tube exists.'),
    currentUsing: count('Connections to beanstalkd that put into it, those of the gateway among them.'),
    currentWatching: count(
      'Connections to beanstalkd that reserve from it, those of the gateway among them.',
    ),
    currentWaiting: count(
      'Connections to beanstalkd that wait for a job of it; one of the gateway waits for all of its callers.',
    ),
    cmdDelete: count('Jobs that were deleted since the tube exists.'),
    cmdPauseTube: count('How often it was paused or resumed since it exists.'),
    pause: seconds('Seconds for which it is paused: no job of it is reserved meanwhile. 0 when it is not.'),
    pauseTimeLeft: seconds('Seconds until the pause is over.'),
  },
  {
    $id: 'Tube',
    description: 'A tube: a queue of jobs with a name. It exists while it has jobs or a program uses it.',
  },
);
export type Tube = Static<typeof TubeSchema>;

export const TubeListSchema = Type.Object(
  { tubes: Type.Array(ref(TubeSchema), { description: 'Sorted by name.' }) },
  { $id: 'TubeList', description: 'All tubes.' },
);

export const PutAnswerSchema = Type.Object(
  {
    id: jobId('The id of the job: a string, also where it looks like a number.'),
    tube: tubeName('The tube that it is in.'),
    state: oneOf(['ready', 'delayed'], {
      description: '`ready`: a worker may have it. `delayed`: it will be ready when its delay is over.',
    }),
  },
  { $id: 'PutAnswer', description: 'The job is in beanstalkd.' },
);

export const KickedSchema = Type.Object(
  { kicked: count('Jobs that are ready again.') },
  { $id: 'Kicked', description: 'How many jobs were kicked.' },
);

export const ClearedSchema = Type.Object(
  {
    deleted: count('Jobs that were deleted.'),
    more: Type.Boolean({ description: 'Whether it ended at the limit: call again for the rest.' }),
  },
  { $id: 'Cleared', description: 'How much of a tube was cleared.' },
);

export const exampleTube: Tube = {
  name: 'mail',
  currentJobsUrgent: 0,
  currentJobsReady: 12,
  currentJobsReserved: 3,
  currentJobsDelayed: 1,
  currentJobsBuried: 0,
  totalJobs: 1841,
  currentUsing: 1,
  currentWatching: 4,
  currentWaiting: 0,
  cmdDelete: 1825,
  cmdPauseTube: 0,
  pause: 0,
  pauseTimeLeft: 0,
};
