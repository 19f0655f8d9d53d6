import { untilReady } from '../lab.ts';
import { MEASURED, THE_REST } from '../pinned.ts';
import type { Suite } from '../report.ts';
import { running, warmedUp } from './running.ts';

const GROUP = 'batch';
const PUT = 'put 500 jobs a call';
const WORK = 'reserve 100 jobs and delete 500 jobs a call';
const SECONDS = 2;
const RAW = 'raw socket';

/** Many jobs a call: how much of what beanstalkd can do comes through HTTP. */
export const suite: Suite = {
  name: GROUP,
  run: async (lab, report) => {
    const gateway = await lab.gateway();
    const { beanstalkd } = lab;
    const batch = (operation: string) =>
      running('gateway', async () => {
        await beanstalkd.restart();
        await untilReady(gateway);
        const { port, pid } = gateway;
        return lab.program(THE_REST, 'batch.js', operation, SECONDS, port, pid, beanstalkd.port);
      });
    const raw = (name: string, operation: string) =>
      running(name, async () => {
        await beanstalkd.restart();
        return lab.program(MEASURED, 'raw-batch.js', operation, SECONDS, beanstalkd.port);
      });

    if (report.wants(GROUP, PUT))
      await report.row({
        group: GROUP,
        title: PUT,
        unit: 'jobs/s',
        ours: await warmedUp(batch('put')),
        rivals: [raw(RAW, 'put')],
        bars: { [RAW]: 0.85 },
      });
    if (report.wants(GROUP, WORK))
      await report.row({
        group: GROUP,
        title: WORK,
        unit: 'jobs/s',
        ours: await warmedUp(batch('work')),
        rivals: [raw(RAW, 'work'), raw(`${RAW} that asks for each job's statistics`, 'work-with-stats')],
        bars: { [RAW]: 0.75 },
      });
    await gateway.stop();
  },
};
