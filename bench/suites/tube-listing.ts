import type { Lab } from '../lab.ts';
import { MEASURED, THE_REST } from '../pinned.ts';
import { printed } from '../print.ts';
import type { Report } from '../report.ts';
import { makeTubes, tubeNames } from '../wire/load.ts';

const GROUP = 'growth: listing';
const TUBES = 5_000;
const TITLE = `GET /v1/tubes with ${TUBES} tubes`;
const RAW_TITLE = `raw socket: list-tubes, and stats-tube of ${TUBES} tubes`;

/** All tubes with their statistics, for which beanstalkd has a command a tube. */
export async function tubeListing(lab: Lab, report: Report): Promise<void> {
  if (![TITLE, RAW_TITLE].some((title) => report.wants(GROUP, title))) return;
  const { beanstalkd } = lab;
  await beanstalkd.restart();
  await makeTubes(beanstalkd.port, tubeNames(TUBES));
  const gateway = await lab.gateway();
  const listed = await lab.program(THE_REST, 'list-tubes.js', TUBES, gateway.port);
  await gateway.stop();
  const raw = await lab.program(MEASURED, 'raw-list-tubes.js', beanstalkd.port);

  report.figure({ group: GROUP, title: TITLE, value: printed(listed, 'ms'), unit: 'ms' });
  report.figure({ group: GROUP, title: RAW_TITLE, value: printed(raw, 'ms'), unit: 'ms' });
}
