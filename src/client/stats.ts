import { BeanstalkdError } from './errors.ts';

/*
 * beanstalkd's statistics are nearly YAML, and no YAML library reads them right: `version: 1.10` is no
 * number, `os: #1 SMP` no comment, a tube named `1e3` no float (BEANSTALKD.md, section 1). So each field
 * is read by its own rule from these tables, which are the source of the types as well.
 */
type Read<T> = (value: string) => T;

const text: Read<string> = (value) =>
  value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
const NUMBER = /^-?[0-9]+(\.[0-9]+)?$/;
const number: Read<number> = (value) => {
  if (!NUMBER.test(value)) throw malformed(`"${value}" is no number`);
  return Number(value);
};
const flag: Read<boolean> = (value) => value === 'true';
const jobState: Read<'ready' | 'delayed' | 'reserved' | 'buried' | 'invalid'> = (value) => {
  switch (value) {
    case 'ready':
    case 'delayed':
    case 'reserved':
    case 'buried':
    case 'invalid':
      return value;
    default:
      throw malformed(`"${value}" is no state of a job`);
  }
};

const JOB_FIELDS = {
  id: text,
  tube: text,
  /** `invalid`: half-written, or left behind by a full disk (BEANSTALKD.md, section 2). */
  state: jobState,
  pri: number,
  age: number,
  delay: number,
  ttr: number,
  /** Whole seconds, cut; negative for a job whose expiry beanstalkd forgot. */
  timeLeft: number,
  /** Number of the binlog file that holds the job; 0 without a binlog. */
  file: number,
  reserves: number,
  timeouts: number,
  releases: number,
  buries: number,
  kicks: number,
} as const;

const TUBE_FIELDS = {
  name: text,
  currentJobsUrgent: number,
  currentJobsReady: number,
  currentJobsReserved: number,
  currentJobsDelayed: number,
  currentJobsBuried: number,
  totalJobs: number,
  currentUsing: number,
  currentWatching: number,
  currentWaiting: number,
  cmdDelete: number,
  cmdPauseTube: number,
  pause: number,
  pauseTimeLeft: number,
} as const;

const SERVER_FIELDS = {
  currentJobsUrgent: number,
  currentJobsReady: number,
  currentJobsReserved: number,
  currentJobsDelayed: number,
  currentJobsBuried: number,
  cmdPut: number,
  cmdPeek: number,
  cmdPeekReady: number,
  cmdPeekDelayed: number,
  cmdPeekBuried: number,
  cmdReserve: number,
  cmdReserveWithTimeout: number,
  cmdDelete: number,
  cmdRelease: number,
  cmdUse: number,
  cmdWatch: number,
  cmdIgnore: number,
  cmdBury: number,
  cmdKick: number,
  cmdTouch: number,
  cmdStats: number,
  cmdStatsJob: number,
  cmdStatsTube: number,
  cmdListTubes: number,
  cmdListTubeUsed: number,
  cmdListTubesWatched: number,
  cmdPauseTube: number,
  jobTimeouts: number,
  totalJobs: number,
  maxJobSize: number,
  currentTubes: number,
  currentConnections: number,
  currentProducers: number,
  currentWorkers: number,
  currentWaiting: number,
  totalConnections: number,
  pid: number,
  version: text,
  rusageUtime: number,
  rusageStime: number,
  uptime: number,
  binlogOldestIndex: number,
  binlogCurrentIndex: number,
  binlogRecordsMigrated: number,
  binlogRecordsWritten: number,
  binlogMaxSize: number,
  /** Random for each life of the server: tells a restart. */
  id: text,
  hostname: text,
} as const;

/** Absent before 1.12. */
const SERVER_FIELDS_SINCE_1_12 = { draining: flag, os: text, platform: text } as const;

type Fields = Readonly<Record<string, Read<unknown>>>;
type Values<F extends Fields> = { readonly [K in keyof F]: ReturnType<F[K]> };

/** `stats-job`; `pri` is beanstalkd's name for the priority. Durations are whole seconds. */
export type JobStats = Values<typeof JOB_FIELDS>;
/** `stats-tube`. */
export type TubeStats = Values<typeof TUBE_FIELDS>;
/** `stats`. */
export type ServerStats = Values<typeof SERVER_FIELDS> & Partial<Values<typeof SERVER_FIELDS_SINCE_1_12>>;

type Plan = readonly (readonly [field: string, label: string, read: Read<unknown>])[];

const plan = (fields: Fields): Plan =>
  Object.entries(fields).map(([field, read]) => [
    field,
    `\n${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: `,
    read,
  ]);

const JOB_PLAN = plan(JOB_FIELDS);
const TUBE_PLAN = plan(TUBE_FIELDS);
const SERVER_PLAN = plan(SERVER_FIELDS);
const SERVER_PLAN_SINCE_1_12 = plan(SERVER_FIELDS_SINCE_1_12);

export const readJobStats = (yaml: Buffer): JobStats => pick<JobStats>(yaml.toString('latin1'), JOB_PLAN);

export const readTubeStats = (yaml: Buffer): TubeStats => pick<TubeStats>(yaml.toString('latin1'), TUBE_PLAN);

export const readServerStats = (yaml: Buffer): ServerStats => {
  const text = yaml.toString('latin1');
  const since112 = SERVER_PLAN_SINCE_1_12.filter(([, label]) => text.includes(label));
  return pick<ServerStats>(text, [...SERVER_PLAN, ...since112]);
};

/** `list-tubes`, `list-tubes-watched`: names as they stand, in no version quoted. */
export const readNames = (yaml: Buffer): string[] =>
  yaml
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith('- '))
    .map((line) => line.slice(2));

function pick<T>(text: string, fields: Plan): T {
  const picked: Record<string, unknown> = {};
  let end = 0;
  for (const [field, label, read] of fields) {
    // Nearly all stand where they are expected: behind the one before.
    let at = text.indexOf(label, end);
    if (at === -1) at = text.indexOf(label);
    if (at === -1) throw malformed(`"${label.slice(1, -2)}" is missing`);
    const start = at + label.length;
    end = text.indexOf('\n', start);
    if (end === -1) end = text.length;
    picked[field] = read(text.slice(start, end));
  }
  return picked as T;
}

const malformed = (what: string) =>
  new BeanstalkdError('PROTOCOL_ERROR', 'none', `unreadable statistics: ${what}`);
