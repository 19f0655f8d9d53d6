import type { Reply, ReplyName } from './decode.ts';
import { jobId, tube, tubes, uint32, waitSeconds } from './grammar.ts';

/**
 * One command, ready to be sent. `N` are the replies that belong to it; a connection rejects with the
 * errors that any command may get (INTERNAL_ERROR, OUT_OF_MEMORY, and DRAINING, JOB_TOO_BIG for a put),
 * and is broken by every other reply.
 */
export interface Command<N extends ReplyName> {
  /** beanstalkd's name of the command, for metrics. */
  readonly name: string;
  /** The line without its CRLF; every value in it has passed `grammar.ts`. */
  readonly line: string;
  readonly body?: Buffer;
  /** The tube that must be in use: the connection sends `use` ahead where it is not. */
  readonly use?: string;
  /** The tubes that must be watched, and no other: likewise `watch` and `ignore`. */
  readonly watch?: readonly string[];
  /** What `use`, `watch` and `ignore` are about: the connection remembers it. */
  readonly tube?: string;
  readonly replies: readonly N[];
  /** Tells a reply of that name that is not this command's after all: the only sign of being out of step. */
  readonly fits?: (reply: Reply) => boolean;
}

export interface NewJob {
  /** The more urgent the smaller, 0 to 2^32 - 1. */
  readonly priority: number;
  /** Seconds until it is ready. */
  readonly delay: number;
  /** Seconds that a worker has; beanstalkd makes 1 of 0. */
  readonly ttr: number;
  readonly body: Buffer;
}

// The replies of each command, as constants: a command is made for every call, its table is not.
const INSERTED = ['INSERTED', 'BURIED'] as const;
const USING = ['USING'] as const;
const TAKEN_OR_NOT = ['RESERVED', 'TIMED_OUT', 'DEADLINE_SOON'] as const;
const TAKEN_BY_ID = ['RESERVED', 'NOT_FOUND'] as const;
const DELETED = ['DELETED', 'NOT_FOUND'] as const;
const RELEASED = ['RELEASED', 'BURIED', 'NOT_FOUND'] as const;
const BURIED = ['BURIED', 'NOT_FOUND'] as const;
const TOUCHED = ['TOUCHED', 'NOT_FOUND'] as const;
const WATCHING = ['WATCHING'] as const;
const IGNORED = ['WATCHING', 'NOT_IGNORED'] as const;
const FOUND = ['FOUND', 'NOT_FOUND'] as const;
const KICKED = ['KICKED'] as const;
const KICKED_JOB = ['KICKED', 'NOT_FOUND'] as const;
const OK = ['OK'] as const;
const OK_OR_NOT = ['OK', 'NOT_FOUND'] as const;
const PAUSED = ['PAUSED', 'NOT_FOUND'] as const;

const buriedWithId = (reply: Reply) => reply.name !== 'BURIED' || reply.id !== undefined;
const buriedWithoutId = (reply: Reply) => reply.name !== 'BURIED' || reply.id === undefined;
const kickedWithCount = (reply: Reply) => reply.name !== 'KICKED' || reply.count !== undefined;
const kickedWithoutCount = (reply: Reply) => reply.name !== 'KICKED' || reply.count === undefined;
const aboutJob = (id: string) => (reply: Reply) =>
  (reply.name !== 'FOUND' && reply.name !== 'RESERVED') || reply.id === id;
/** Statistics begin with what they are about; 1.13 quotes the name of a tube. */
const beginningWith = (...lines: readonly string[]) => {
  const starts = lines.map((line) => `---\n${line}\n`);
  return (reply: Reply) =>
    reply.name !== 'OK' || starts.some((start) => reply.body.toString('latin1', 0, start.length) === start);
};

export const put = (into: string, job: NewJob) => ({
  name: 'put',
  line: `put ${uint32(job.priority)} ${uint32(job.delay)} ${uint32(job.ttr)} ${job.body.length}`,
  body: job.body,
  use: tube(into),
  replies: INSERTED,
  fits: buriedWithId,
});

export const use = (name: string) => ({
  name: 'use',
  line: `use ${tube(name)}`,
  tube: name,
  replies: USING,
  fits: (reply: Reply) => reply.name === 'USING' && reply.tube === name,
});

export const watch = (name: string) => ({
  name: 'watch',
  line: `watch ${tube(name)}`,
  tube: name,
  replies: WATCHING,
});

export const ignore = (name: string) => ({
  name: 'ignore',
  line: `ignore ${tube(name)}`,
  tube: name,
  replies: IGNORED,
});

/** Waits without end: nothing but a reply or the end of the connection ends it. */
export const reserve = (from: readonly string[]) => ({
  name: 'reserve',
  line: 'reserve',
  watch: tubes(from),
  replies: TAKEN_OR_NOT,
});

export const reserveWithTimeout = (from: readonly string[], seconds: number) => ({
  name: 'reserve-with-timeout',
  line: `reserve-with-timeout ${waitSeconds(seconds)}`,
  watch: tubes(from),
  replies: TAKEN_OR_NOT,
});

/** Since 1.12; an older server answers BAD_FORMAT, which breaks the connection. */
export const reserveJob = (id: string) => ({
  name: 'reserve-job',
  line: `reserve-job ${jobId(id)}`,
  replies: TAKEN_BY_ID,
  fits: aboutJob(id),
});

export const deleteJob = (id: string) => ({ name: 'delete', line: `delete ${jobId(id)}`, replies: DELETED });

export const release = (id: string, priority: number, delay: number) => ({
  name: 'release',
  line: `release ${jobId(id)} ${uint32(priority)} ${uint32(delay)}`,
  replies: RELEASED,
  fits: buriedWithoutId,
});

export const bury = (id: string, priority: number) => ({
  name: 'bury',
  line: `bury ${jobId(id)} ${uint32(priority)}`,
  replies: BURIED,
  fits: buriedWithoutId,
});

export const touch = (id: string) => ({ name: 'touch', line: `touch ${jobId(id)}`, replies: TOUCHED });

export const peek = (id: string) => ({
  name: 'peek',
  line: `peek ${jobId(id)}`,
  replies: FOUND,
  fits: aboutJob(id),
});

export const peekNext = (state: 'ready' | 'delayed' | 'buried', inTube: string) => ({
  name: `peek-${state}`,
  line: `peek-${state}`,
  use: tube(inTube),
  replies: FOUND,
});

export const kick = (inTube: string, bound: number) => ({
  name: 'kick',
  line: `kick ${uint32(bound)}`,
  use: tube(inTube),
  replies: KICKED,
  fits: kickedWithCount,
});

export const kickJob = (id: string) => ({
  name: 'kick-job',
  line: `kick-job ${jobId(id)}`,
  replies: KICKED_JOB,
  fits: kickedWithoutCount,
});

export const stats = () => ({ name: 'stats', line: 'stats', replies: OK });

export const statsTube = (name: string) => ({
  name: 'stats-tube',
  line: `stats-tube ${tube(name)}`,
  replies: OK_OR_NOT,
  fits: beginningWith(`name: ${name}`, `name: "${name}"`),
});

export const statsJob = (id: string) => ({
  name: 'stats-job',
  line: `stats-job ${jobId(id)}`,
  replies: OK_OR_NOT,
  fits: beginningWith(`id: ${id}`),
});

export const listTubes = () => ({ name: 'list-tubes', line: 'list-tubes', replies: OK });

/** The cheapest command that changes nothing. */
export const listTubeUsed = () => ({ name: 'list-tube-used', line: 'list-tube-used', replies: USING });

export const listTubesWatched = () => ({
  name: 'list-tubes-watched',
  line: 'list-tubes-watched',
  replies: OK,
});

/** No reply comes: beanstalkd closes the connection. */
export const quit = (): Command<never> => ({ name: 'quit', line: 'quit', replies: [] });

export const pauseTube = (name: string, seconds: number) => ({
  name: 'pause-tube',
  line: `pause-tube ${tube(name)} ${uint32(seconds)}`,
  replies: PAUSED,
});
