import { MEASURED } from '../pinned.ts';
import type { Suite } from '../report.ts';
import { withBest } from './best-of.ts';
import { running } from './running.ts';

const GROUP = 'client';
const SECONDS = 1;
const BEST = 'best npm client';

const OPERATIONS = [
  { operation: 'put', title: 'put 100 B' },
  { operation: 'work', title: 'reserve and delete 100 B' },
] as const;

/** The client alone, without HTTP, against those that npm has. */
export const suite: Suite = {
  name: GROUP,
  run: async (lab, report) => {
    for (const { operation, title } of OPERATIONS)
      for (const inFlight of [1, 16, 64]) {
        const client = (name: string, key: string) =>
          running(name, async () => {
            await lab.beanstalkd.restart();
            const { port } = lab.beanstalkd;
            return lab.program(MEASURED, 'client.js', key, operation, inFlight, SECONDS, port);
          });
        await report.row({
          group: GROUP,
          title: `${title}, ${inFlight} in flight`,
          unit: 'jobs/s',
          ours: client('our client', 'ours'),
          rivals: [
            ...withBest(BEST, [
              client('jackd', 'jackd'),
              client('node-beanstalk', 'node-beanstalk'),
              client('beanstalkd (npm)', 'beanstalkd'),
            ]),
            client('raw socket', 'raw'),
          ],
          bars: { [BEST]: 2 },
        });
      }
  },
};
