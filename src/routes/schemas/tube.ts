import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { count, jobId, oneOf, seconds, tubeName } from './scalars.ts';

export const TubeSchema = Type.Object(
  {
    name: tubeName('The name of the tube.'),
    currentJobsUrgent: count('Ready jobs with a priority below 1024.'),
    currentJobsReady: count('Jobs that a worker could have now.'),
    currentJobsReserved: count('Jobs that workers hold.'),
    currentJobsDelayed: count('Jobs that become ready later.'),
    currentJobsBuried: count('Jobs that were set aside.'),
    totalJobs: count('Jobs put since the tube exists.'),
    currentUsing: count('Connections that use the tube; the gateway has some of its own.'),
    currentWatching: count('Connections that watch it.'),
    currentWaiting: count('Connections that wait for a job of it.'),
    cmdDelete: count('Deletes since the tube exists.'),
    cmdPauseTube: count('Pauses since the tube exists.'),
    pause: seconds('Seconds that it was last paused for; 0 when it is not paused.'),
    pauseTimeLeft: seconds('Seconds until the pause is over.'),
  },
  {
    $id: 'Tube',
    description: 'A tube: a queue with a name. It exists while it has jobs or somebody uses it.',
  },
);
export type Tube = Static<typeof TubeSchema>;

export const TubeListSchema = Type.Object(
  { tubes: Type.Array(ref(TubeSchema), { description: 'Sorted by name.' }) },
  { $id: 'TubeList', description: 'All tubes.' },
);

export const PutAnswerSchema = Type.Object(
  {
    id: jobId("The job's id: opaque, a string."),
    tube: tubeName('The tube that it is in.'),
    state: oneOf(['ready', 'delayed'], { description: 'Where it stands.' }),
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
    more: Type.Boolean({ description: 'Whether the limit ended it: call again for the rest.' }),
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
