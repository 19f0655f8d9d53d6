import { expect, test } from 'vitest';
import { readJobStats, readNames, readServerStats, readTubeStats } from '../../src/client/stats.ts';

const yaml = (...lines: string[]): Buffer => Buffer.from(['---', ...lines, '\r\n'].join('\n'));

const without = (lines: readonly string[], name: string): string[] =>
  lines.filter((line) => !line.startsWith(`${name}: `));

/** The lines with some of them as another version prints them. */
const changed = (lines: readonly string[], ...changes: string[]): string[] =>
  lines.map((line) => changes.find((change) => change.split(': ')[0] === line.split(': ')[0]) ?? line);

const JOB = [
  'id: 18446744073709551615',
  'tube: 1e3',
  'state: reserved',
  'pri: 4294967295',
  'age: 93',
  'delay: 0',
  'ttr: 60',
  'time-left: -22',
  'file: 1',
  'reserves: 2',
  'timeouts: 3',
  'releases: 4',
  'buries: 5',
  'kicks: 6',
];

const TUBE = [
  'name: 1e3',
  'current-jobs-urgent: 1',
  'current-jobs-ready: 2',
  'current-jobs-reserved: 3',
  'current-jobs-delayed: 4',
  'current-jobs-buried: 5',
  'total-jobs: 15',
  'current-using: 6',
  'current-watching: 7',
  'current-waiting: 8',
  'cmd-delete: 9',
  'cmd-pause-tube: 10',
  'pause: 11',
  'pause-time-left: 12',
];

const SERVER_1_10 = [
  'current-jobs-urgent: 1',
  'current-jobs-ready: 2',
  'current-jobs-reserved: 3',
  'current-jobs-delayed: 4',
  'current-jobs-buried: 5',
  'cmd-put: 6',
  'cmd-peek: 7',
  'cmd-peek-ready: 8',
  'cmd-peek-delayed: 9',
  'cmd-peek-buried: 10',
  'cmd-reserve: 11',
  'cmd-reserve-with-timeout: 12',
  'cmd-delete: 13',
  'cmd-release: 14',
  'cmd-use: 15',
  'cmd-watch: 16',
  'cmd-ignore: 17',
  'cmd-bury: 18',
  'cmd-kick: 19',
  'cmd-touch: 20',
  'cmd-stats: 21',
  'cmd-stats-job: 22',
  'cmd-stats-tube: 23',
  'cmd-list-tubes: 24',
  'cmd-list-tube-used: 25',
  'cmd-list-tubes-watched: 26',
  'cmd-pause-tube: 27',
  'job-timeouts: 28',
  'total-jobs: 29',
  'max-job-size: 65535',
  'current-tubes: 30',
  'current-connections: 31',
  'current-producers: 32',
  'current-workers: 33',
  'current-waiting: 34',
  'total-connections: 35',
  'pid: 36',
  'version: 1.10',
  'rusage-utime: 0.148125',
  'rusage-stime: 1.000007',
  'uptime: 37',
  'binlog-oldest-index: 38',
  'binlog-current-index: 39',
  'binlog-records-migrated: 40',
  'binlog-records-written: 41',
  'binlog-max-size: 10485760',
  'id: 1234567890123e56',
  'hostname: 1e3',
];

const SERVER_1_12 = [
  ...changed(SERVER_1_10, 'version: "1.12"', 'id: 0000000000000010', 'hostname: no'),
  'draining: false',
  'os: #1 SMP PREEMPT_DYNAMIC Debian 6.1.0-1: x',
  'platform: x86_64',
];

const SERVER_1_13 = [
  ...changed(SERVER_1_10, 'version: "1.13"', 'hostname: "vm"'),
  'draining: true',
  'os: "#1 SMP PREEMPT_DYNAMIC"',
  'platform: "x86_64"',
];

test('the statistics of a job', () => {
  const stats = readJobStats(yaml(...JOB));
  expect(stats).toEqual({
    id: '18446744073709551615',
    tube: '1e3',
    state: 'reserved',
    pri: 4_294_967_295,
    age: 93,
    delay: 0,
    ttr: 60,
    timeLeft: -22,
    file: 1,
    reserves: 2,
    timeouts: 3,
    releases: 4,
    buries: 5,
    kicks: 6,
  });
  expect(readJobStats(yaml(...changed(JOB, 'tube: "1e3"')))).toEqual(stats);
});

test.each(['ready', 'delayed', 'reserved', 'buried', 'invalid'])('the state %s of a job', (state) => {
  expect(readJobStats(yaml(...changed(JOB, `state: ${state}`))).state).toBe(state);
});

test.each(['name: 1e3', 'name: "1e3"'])('the statistics of a tube with %s', (name) => {
  expect(readTubeStats(yaml(...changed(TUBE, name)))).toEqual({
    name: '1e3',
    currentJobsUrgent: 1,
    currentJobsReady: 2,
    currentJobsReserved: 3,
    currentJobsDelayed: 4,
    currentJobsBuried: 5,
    totalJobs: 15,
    currentUsing: 6,
    currentWatching: 7,
    currentWaiting: 8,
    cmdDelete: 9,
    cmdPauseTube: 10,
    pause: 11,
    pauseTimeLeft: 12,
  });
});

test('the statistics of a server of 1.10 keep its version and ids as text, and lack what came later', () => {
  const stats = readServerStats(yaml(...SERVER_1_10));
  expect(stats).toMatchObject({
    currentJobsUrgent: 1,
    cmdListTubesWatched: 26,
    maxJobSize: 65_535,
    version: '1.10',
    rusageUtime: 0.148125,
    rusageStime: 1.000007,
    binlogMaxSize: 10_485_760,
    id: '1234567890123e56',
    hostname: '1e3',
  });
  expect(Object.keys(stats)).toHaveLength(SERVER_1_10.length);
  expect(stats).not.toHaveProperty('draining');
});

test('the statistics of a server of 1.12, which quotes the version alone', () => {
  expect(readServerStats(yaml(...SERVER_1_12))).toMatchObject({
    version: '1.12',
    id: '0000000000000010',
    hostname: 'no',
    draining: false,
    os: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.0-1: x',
    platform: 'x86_64',
  });
});

test('the statistics of a server of 1.13, which quotes all that is text', () => {
  expect(readServerStats(yaml(...SERVER_1_13))).toMatchObject({
    version: '1.13',
    hostname: 'vm',
    draining: true,
    os: '#1 SMP PREEMPT_DYNAMIC',
    platform: 'x86_64',
  });
});

test.each([
  ['a job', JOB, readJobStats],
  ['a tube', TUBE, readTubeStats],
  ['a server', SERVER_1_10, readServerStats],
] as const)('a field that %s lacks is a protocol error that names it', (_, lines, read) => {
  for (const line of lines) {
    const name = line.split(': ')[0] ?? '';
    expect(() => read(yaml(...without(lines, name))), name).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR', message: expect.stringContaining(`"${name}"`) }),
    );
  }
});

test.each(['state: done', 'ttr: soon', 'ttr: ', 'pri:  ', 'age: 1 2'])('"%s" is a protocol error', (line) => {
  expect(() => readJobStats(yaml(...changed(JOB, line)))).toThrow(
    expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
  );
});

test('a field that nobody knows yet is no error', () => {
  expect(readJobStats(yaml(...JOB, 'weight: 7')).kicks).toBe(6);
});

test('names of tubes as they stand', () => {
  expect(readNames(yaml('- default', '- 1e3', '- a-b', '- +/;.$_()', '- null'))).toEqual([
    'default',
    '1e3',
    'a-b',
    '+/;.$_()',
    'null',
  ]);
  expect(readNames(yaml())).toEqual([]);
});
