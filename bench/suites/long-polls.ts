import { MEASURED, THE_REST } from '../pinned.ts';
import { printed } from '../print.ts';
import type { Suite } from '../report.ts';

const GROUP = '10,000 long polls';
const POLLS = 10_000;
const PUTS = 1_000;
const EVERY_MS = 10;

const FIGURES = [
  { title: 'put to answer, median', name: 'p50', unit: 'ms' },
  { title: 'put to answer, 99th percentile', name: 'p99', unit: 'ms', bar: { atMost: 10 } },
  { title: 'kept at beanstalkd', name: 'connections', unit: 'connections', bar: { atMost: 2 } },
  { title: 'memory of the gateway a poll', name: 'kibibytes', unit: 'KiB', bar: { atMost: 20 } },
] as const;
const RAW_FIGURES = [
  { title: 'raw socket: put to job, median', name: 'p50', unit: 'ms' },
  { title: 'raw socket: put to job, 99th percentile', name: 'p99', unit: 'ms' },
] as const;

/** Callers who wait while next to nothing comes, beside one socket that waits at beanstalkd itself. */
export const suite: Suite = {
  name: GROUP,
  run: async (lab, report) => {
    if (![...FIGURES, ...RAW_FIGURES].some(({ title }) => report.wants(GROUP, title))) return;
    await lab.beanstalkd.restart();
    const { port } = lab.beanstalkd;
    const gateway = await lab.gateway();
    const polls = [POLLS, PUTS, EVERY_MS, gateway.port, gateway.pid, port] as const;
    const polled = await lab.program(THE_REST, 'pollers.js', ...polls);
    await gateway.stop();
    const waited = await lab.program(MEASURED, 'raw-waiter.js', PUTS, EVERY_MS, port);

    for (const { name, ...figure } of FIGURES)
      report.figure({ group: GROUP, value: printed(polled, name), ...figure });
    for (const { name, ...figure } of RAW_FIGURES)
      report.figure({ group: GROUP, value: printed(waited, name), ...figure });
  },
};
