import type { Lab, Server } from '../lab.ts';
import { THE_REST } from '../pinned.ts';
import type { Report } from '../report.ts';
import type { Contender } from '../row.ts';
import { load } from '../wire/load.ts';
import { running, warmedUp } from './running.ts';

const GROUP = 'growth: held reservations';
const FEW = 10;
const SECONDS = 2;
/** What one call may take. */
const COUNT_MAX = 100;

const named = (held: number) => `${held} held`;

const MORE = [
  { held: 1_000, bars: {} },
  { held: 20_000, bars: { [named(FEW)]: 0.9 } },
].map((row) => ({ ...row, title: `put, reserve and delete with ${named(row.held)}` }));

/** Jobs come and go while others are held for long. */
export async function heldReservations(lab: Lab, report: Report): Promise<void> {
  const wanted = MORE.filter(({ title }) => report.wants(GROUP, title));
  if (wanted.length === 0) return;
  await lab.beanstalkd.restart();
  const gateways: Server[] = [];
  const holding = async (held: number): Promise<Contender> => {
    const gateway = await lab.gateway();
    gateways.push(gateway);
    await hold(lab, gateway, held);
    const { port, pid } = gateway;
    return warmedUp(
      running(named(held), () => lab.program(THE_REST, 'single.js', 'cycle', 'cycle', SECONDS, port, pid)),
    );
  };

  const few = await holding(FEW);
  for (const { held, title, bars } of wanted)
    await report.row({
      group: GROUP,
      title,
      unit: 'jobs/s',
      ours: await holding(held),
      rivals: [few],
      bars,
    });
  for (const gateway of gateways) await gateway.stop();
}

async function hold(lab: Lab, { url }: Server, held: number): Promise<void> {
  const tube = `held-${held}`;
  await load(lab.beanstalkd.port, tube, held);
  for (let left = held; left > 0; left -= COUNT_MAX) {
    const count = Math.min(COUNT_MAX, left);
    const answer = await fetch(`${url}/v1/tubes/${tube}/reservations?count=${count}`, { method: 'POST' });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`${answer.status} to a reserve`);
  }
  const reserved = await lab.beanstalkd.figure(tube, 'current-jobs-reserved');
  if (reserved !== held) throw new Error(`${reserved} of ${held} are held`);
}
