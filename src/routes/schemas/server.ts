import { type Static, Type } from 'typebox';
import { ref } from './reference.ts';
import { count, seconds } from './scalars.ts';

const text = (description: string) => Type.String({ description });
const commands = (name: string) => count(`\`${name}\` commands that it was sent since its start.`);

export const GatewaySchema = Type.Object(
  {
    version: text('The version of the gateway.'),
    instance: text('Random for each life of the process; tells a restart, and one process from another.'),
  },
  { $id: 'Gateway', description: 'The process that answered.' },
);

export const ServerSchema = Type.Object(
  {
    currentJobsUrgent: count('Ready jobs with a priority below 1024, which beanstalkd calls urgent.'),
    currentJobsReady: count('Ready jobs: a worker could have them now.'),
    currentJobsReserved: count('Reserved jobs: workers hold them.'),
    currentJobsDelayed: count('Delayed jobs: they will be ready later.'),
    currentJobsBuried: count('Buried jobs: they are set aside.'),
    cmdPut: commands('put'),
    cmdPeek: commands('peek'),
    cmdPeekReady: commands('peek-ready'),
    cmdPeekDelayed: commands('peek-delayed'),
    cmdPeekBuried: commands('peek-buried'),
    cmdReserve: commands('reserve'),
    cmdReserveWithTimeout: commands('reserve-with-timeout'),
    cmdDelete: commands('delete'),
    cmdRelease: commands('release'),
    cmdUse: commands('use'),
    cmdWatch: commands('watch'),
    cmdIgnore: commands('ignore'),
    cmdBury: commands('bury'),
    cmdKick: commands('kick'),
    cmdTouch: commands('touch'),
    cmdStats: commands('stats'),
    cmdStatsJob: commands('stats-job'),
    cmdStatsTube: commands('stats-tube'),
    cmdListTubes: commands('list-tubes'),
    cmdListTubeUsed: commands('list-tube-used'),
    cmdListTubesWatched: commands('list-tubes-watched'),
    cmdPauseTube: commands('pause-tube'),
    jobTimeouts: count('How often the time to run of a job was over before its worker had settled it.'),
    totalJobs: count('Jobs put since its start.'),
    maxJobSize: count('The largest body of a job that it takes, in bytes.'),
    currentTubes: count('Tubes that exist.'),
    currentConnections: count('Open connections, those of the gateway among them.'),
    currentProducers: count('Connections that have put a job.'),
    currentWorkers: count('Connections that have reserved a job.'),
    currentWaiting: count('Connections that wait for a job.'),
    totalConnections: count('Connections since its start.'),
    pid: count('Its process id.'),
    version: text('The version of beanstalkd.'),
    rusageUtime: Type.Number({ description: 'Seconds of CPU in user mode.', format: 'double' }),
    rusageStime: Type.Number({ description: 'Seconds of CPU in the kernel.', format: 'double' }),
    uptime: seconds('Seconds since its start.'),
    binlogOldestIndex: count(
      'The number of the oldest file that is still needed of the binlog, its journal on disk.',
    ),
    binlogCurrentIndex: count('The number of the binlog file that is being written; 0 without a binlog.'),
    binlogRecordsMigrated: count('Records of the binlog that were moved to make old files unneeded.'),
    binlogRecordsWritten: count('Records that were written to the binlog.'),
    binlogMaxSize: count('The size of a binlog file, in bytes.'),
    draining: Type.Optional(
      Type.Boolean({
        description:
          'Whether it takes no new jobs (drain mode), for instance before it is stopped; since beanstalkd 1.12.',
      }),
    ),
    id: text('Random for each life of the server; tells a restart.'),
    hostname: text('The name of its host.'),
    os: Type.Optional(text('The version of its operating system; since beanstalkd 1.12.')),
    platform: Type.Optional(text('The kind of machine that it runs on; since beanstalkd 1.12.')),
    gateway: ref(GatewaySchema),
  },
  { $id: 'Server', description: 'All that beanstalkd tells about itself, and which gateway has asked it.' },
);
export type ServerView = Static<typeof ServerSchema>;

export const HealthSchema = Type.Object(
  { status: Type.Literal('ok', { description: 'Always `ok`; anything else is a problem.' }) },
  { $id: 'Health', description: 'All is well.' },
);

export const LinksSchema = Type.Object(
  {
    docs: text('The API reference, for people.'),
    openapi: text('The API reference, for programs.'),
    tubes: text('All tubes.'),
    server: text('beanstalkd itself.'),
    ready: text('Whether beanstalkd answers.'),
    metrics: text('Figures for Prometheus.'),
  },
  { $id: 'Links', description: 'Where to go from here, as paths.' },
);

export const WelcomeSchema = Type.Object(
  { name: text('The name of the program.'), version: text('Its version.'), links: ref(LinksSchema) },
  { $id: 'Welcome', description: 'What this is.' },
);
export type Welcome = Static<typeof WelcomeSchema>;

export const exampleServer: ServerView = {
  currentJobsUrgent: 0,
  currentJobsReady: 12,
  currentJobsReserved: 3,
  currentJobsDelayed: 1,
  currentJobsBuried: 0,
  cmdPut: 1841,
  cmdPeek: 0,
  cmdPeekReady: 0,
  cmdPeekDelayed: 0,
  cmdPeekBuried: 0,
  cmdReserve: 0,
  cmdReserveWithTimeout: 2210,
  cmdDelete: 1825,
  cmdRelease: 4,
  cmdUse: 12,
  cmdWatch: 12,
  cmdIgnore: 12,
  cmdBury: 0,
  cmdKick: 0,
  cmdTouch: 31,
  cmdStats: 904,
  cmdStatsJob: 40,
  cmdStatsTube: 77,
  cmdListTubes: 60,
  cmdListTubeUsed: 0,
  cmdListTubesWatched: 0,
  cmdPauseTube: 0,
  jobTimeouts: 1,
  totalJobs: 1841,
  maxJobSize: 65535,
  currentTubes: 2,
  currentConnections: 6,
  currentProducers: 2,
  currentWorkers: 3,
  currentWaiting: 1,
  totalConnections: 19,
  pid: 4711,
  version: '1.13',
  rusageUtime: 0.41,
  rusageStime: 0.73,
  uptime: 904,
  binlogOldestIndex: 1,
  binlogCurrentIndex: 1,
  binlogRecordsMigrated: 0,
  binlogRecordsWritten: 3670,
  binlogMaxSize: 10485760,
  draining: false,
  id: 'a3f1c2d4e5b60718',
  hostname: 'queue-1',
  os: '#1 SMP Debian',
  platform: 'x86_64',
  gateway: { version: '0.1.0', instance: '7f0c1a52-3b7e-4f0c-8a0e-5d1c2b3a4f60' },
};
