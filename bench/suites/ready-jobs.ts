import type { Lab } from '../lab.ts';
import { MEASURED, THE_REST } from '../pinned.ts';
import type { Report } from '../report.ts';
import { RestartableBeanstalkd } from '../restartable-beanstalkd.ts';
import type { Contender } from '../row.ts';
import { load } from '../wire/load.ts';
import { running, warmedUp } from './running.ts';

const GROUP = 'growth: ready jobs';
const MORE = [10_000, 1_000_000].map((ready) => ({
  ready,
  title: `put, reserve and delete with ${ready} ready`,
  rawTitle: `raw socket: put, reserve and delete with ${ready} ready`,
}));
const TUBE = 'ready';
const SECONDS = 2;

interface Backlog {
  readonly ours: Contender;
  readonly raw: Contender;
  stop(): Promise<void>;
}

/** Jobs come and go through a tube in which many more are ready. */
export async function readyJobs(lab: Lab, report: Report): Promise<void> {
  const wanted = MORE.filter(
    ({ title, rawTitle }) => report.wants(GROUP, title) || report.wants(GROUP, rawTitle),
  );
  if (wanted.length === 0) return;
  const none = await withReady(lab, 0);
  for (const { ready, title, rawTitle } of wanted) {
    const many = await withReady(lab, ready);
    await report.row({ group: GROUP, title, unit: 'jobs/s', ours: many.ours, rivals: [none.ours] });
    await report.row({ group: GROUP, title: rawTitle, unit: 'jobs/s', ours: many.raw, rivals: [none.raw] });
    await many.stop();
  }
  await none.stop();
}

/** With a beanstalkd of its own, so that the rounds alternate and yet nothing is loaded twice. */
async function withReady(lab: Lab, ready: number): Promise<Backlog> {
  const beanstalkd = await RestartableBeanstalkd.start();
  await load(beanstalkd.port, TUBE, ready);
  const gateway = await lab.gateway({
    BEANSTALKD_URL: `beanstalkd://127.0.0.1:${beanstalkd.port}`,
  });
  const { port, pid } = gateway;
  const name = `${ready} ready`;
  return {
    ours: await warmedUp(
      running(name, () => lab.program(THE_REST, 'single.js', 'cycle', TUBE, SECONDS, port, pid)),
    ),
    raw: running(name, () => lab.program(MEASURED, 'raw-single.js', 'cycle', TUBE, SECONDS, beanstalkd.port)),
    stop: async () => {
      await gateway.stop();
      await beanstalkd.stop();
    },
  };
}
