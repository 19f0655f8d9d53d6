import { type Lab, untilReady } from '../lab.ts';
import { MEASURED, THE_REST } from '../pinned.ts';
import type { Report } from '../report.ts';
import { makeTubes, tubeNames } from '../wire/load.ts';
import { running, warmedUp } from './running.ts';

const GROUP = 'growth: tubes';
const MORE = [100, 5_000].map((tubes) => ({
  tubes,
  title: `put into ${tubes} tubes in turn`,
  rawTitle: `raw socket: put into ${tubes} tubes in turn`,
}));
const SECONDS = 2;

const named = (tubes: number) => (tubes === 1 ? '1 tube' : `${tubes} tubes`);

/** beanstalkd looks through all its tubes at every put and every use, whoever asks: hence the raw socket beside it. */
export async function manyTubes(lab: Lab, report: Report): Promise<void> {
  if (!MORE.some(({ title, rawTitle }) => report.wants(GROUP, title) || report.wants(GROUP, rawTitle)))
    return;
  const { beanstalkd } = lab;
  const gateway = await lab.gateway();
  const restartWith = async (tubes: number) => {
    await beanstalkd.restart();
    await makeTubes(beanstalkd.port, tubeNames(tubes));
  };
  const ours = (tubes: number) =>
    running(named(tubes), async () => {
      await restartWith(tubes);
      await untilReady(gateway);
      return lab.program(THE_REST, 'single.js', 'put', tubes, SECONDS, gateway.port, gateway.pid);
    });
  const raw = (tubes: number) =>
    running(named(tubes), async () => {
      await restartWith(tubes);
      return lab.program(MEASURED, 'raw-single.js', 'put', tubes, SECONDS, beanstalkd.port);
    });

  await warmedUp(ours(1));
  for (const { tubes, title, rawTitle } of MORE) {
    await report.row({ group: GROUP, title, unit: 'jobs/s', ours: ours(tubes), rivals: [ours(1)] });
    await report.row({
      group: GROUP,
      title: rawTitle,
      unit: 'jobs/s',
      ours: raw(tubes),
      rivals: [raw(1)],
    });
  }
  await gateway.stop();
}
