import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Callers } from './callers.ts';
import { rest } from './rest.ts';
import type { Site } from './site.ts';
import type { Violations } from './violations.ts';

const run = promisify(execFile);

export interface Fault {
  readonly name: string;
  /** At least and at most so many milliseconds from {@link strike} to {@link undo}. */
  readonly lasts: readonly [number, number];
  /** No word of beanstalkd reaches the gateway meanwhile. */
  readonly silences?: boolean;
  strike(): Promise<unknown> | unknown;
  undo(): Promise<unknown> | unknown;
}

const NOTHING_TO_UNDO = { lasts: [1, 1], undo: () => {} } as const;

/** Descriptors of a shell's usual limit, and so few that no connection is accepted any more. */
const DESCRIPTORS = 1_024;
const NO_DESCRIPTORS = 1;

const RESETS = 10;
const RESET_EVERY_MS = 50;

/** All kinds that can be had here; a line tells of each that cannot. */
export async function faultsOf(site: Site, callers: Callers, violations: Violations): Promise<Fault[]> {
  const { beanstalkd, server } = site;
  const faults: Fault[] = [
    {
      name: 'beanstalkd frozen',
      lasts: [200, 6_000],
      silences: true,
      strike: () => beanstalkd.signal('SIGSTOP'),
      undo: () => beanstalkd.signal('SIGCONT'),
    },
    {
      name: 'beanstalkd killed',
      lasts: [1, 3_000],
      silences: true,
      strike: () => beanstalkd.kill(),
      undo: () => beanstalkd.run(),
    },
    {
      name: 'drain mode, then a restart',
      lasts: [300, 3_000],
      strike: () => beanstalkd.signal('SIGUSR1'),
      undo: () => site.restartBeanstalkd(),
    },
    {
      name: 'gateway stopped (SIGTERM)',
      lasts: [1, 1_000],
      strike: () => stopInOrder(site, violations),
      undo: () => site.startGateway(),
    },
    {
      name: 'gateway killed (SIGKILL)',
      lasts: [1, 1_000],
      strike: () => site.stopGateway('SIGKILL'),
      undo: () => site.startGateway(),
    },
    { name: 'all callers leave', strike: () => callers.leaveAll(), ...NOTHING_TO_UNDO },
  ];
  if (server !== undefined) {
    faults.push({
      name: 'link cut',
      lasts: [200, 8_000],
      silences: true,
      strike: () => server.cut(),
      undo: () => server.heal(),
    });
  }
  if (process.platform === 'linux') {
    faults.push({
      name: 'out of descriptors',
      lasts: [500, 3_000],
      strike: () => limitDescriptors(site, NO_DESCRIPTORS),
      undo: () => limitDescriptors(site, DESCRIPTORS),
    });
  } else
    console.log('beanstalkd is never out of descriptors: only Linux changes the limit of a running process');
  if (await canReset(site)) {
    faults.push({ name: 'connections reset', strike: () => resetAgainAndAgain(site), ...NOTHING_TO_UNDO });
  } else console.log('connections are never reset: the sockets of others cannot be closed here');
  return faults;
}

/** SIGTERM, which is to end with exit code 0, whatever is under way. */
export async function stopInOrder(site: Site, violations: Violations): Promise<void> {
  const exit = await site.stopGateway('SIGTERM');
  if (exit !== undefined && exit.code !== 0)
    violations.add('the gateway did not exit 0 on SIGTERM', `code ${exit.code}, signal ${exit.signal}`);
}

/** The soft limit alone: a hard one could not be raised again by everybody. */
const limitDescriptors = (site: Site, limit: number) =>
  run('prlimit', ['--pid', String(site.beanstalkd.pid), `--nofile=${limit}:`]);

/** Each time something else is under way. */
async function resetAgainAndAgain(site: Site): Promise<void> {
  for (let times = 0; times < RESETS; times += 1) {
    await resetConnections(site);
    await rest(RESET_EVERY_MS);
  }
}

/** A reset in both directions, while beanstalkd goes on. Returns the lines that tell of each. */
async function resetConnections({ beanstalkd, server }: Site): Promise<string> {
  const ss = ['ss', '-HKt', 'state', 'established', 'sport', '=', `:${beanstalkd.port}`];
  const [program = '', ...args] = [...(server?.inside ?? []), ...ss];
  return (await run(program, args)).stdout;
}

async function canReset(site: Site): Promise<boolean> {
  const victim = await site.beanstalkd.raw();
  const closed = await resetConnections(site).catch(() => '');
  victim.close();
  return closed !== '';
}
