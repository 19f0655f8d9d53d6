import type { Lab, Server } from '../lab.ts';
import type { Report, Suite } from '../report.ts';
import { median } from '../row.ts';
import { drain } from '../wire/drain.ts';
import { type Answered, wrk } from '../wrk.ts';
import { BARE } from './rivals.ts';
import { warmUp } from './warm-up.ts';

const GROUP = 'latency';
const PATH = '/v1/tubes/t/jobs';
/** Many callers who seldom call. */
const CALLERS = 256;
const TOP_SECONDS = 3;
const PACED_SECONDS = 5;
/** About what an answer takes; the rest of a caller's time is waiting. */
const ANSWER_MS = 0.3;

/** As the callers reached it. */
const RATE = { name: 'rate', unit: 'requests/s', of: ({ rate }: Answered) => rate };
const PERCENTILES = [
  { name: 'p50', unit: 'ms', of: ({ p50 }: Answered) => p50 },
  { name: 'p99', unit: 'ms', of: ({ p99 }: Answered) => p99 },
  { name: 'p99.9', unit: 'ms', of: ({ p999 }: Answered) => p999 },
] as const;

/** How long a put takes when the gateway is half as busy as it can be; Fastify alone under the very same load. */
export const suite: Suite = {
  name: GROUP,
  run: async (lab, report) => {
    if (![RATE, ...PERCENTILES].some(({ name }) => report.wants(GROUP, titleOf(name)))) return;
    const gateway = await lab.gateway();
    const bare = await lab.server('bare-fastify.js');
    for (const server of [gateway, bare]) await warmUp(lab, server);
    const top = await putting(lab, gateway, { script: 'put.lua', args: ['POST', 100], seconds: TOP_SECONDS });
    await paced(lab, report, top.rate / 2, gateway, bare);
    for (const server of [gateway, bare]) await server.stop();
  },
};

async function paced(lab: Lab, report: Report, rate: number, gateway: Server, bare: Server): Promise<void> {
  const waitMs = (CALLERS * 1000) / rate - ANSWER_MS;
  const ours: Answered[] = [];
  const theirs: Answered[] = [];
  for (let round = 0; round < report.rounds; round += 1) {
    const load = { script: 'paced-put.lua', args: [100, waitMs, round], connections: CALLERS };
    ours.push(await putting(lab, gateway, { ...load, seconds: PACED_SECONDS }));
    theirs.push(await putting(lab, bare, { ...load, seconds: PACED_SECONDS }));
  }
  for (const { name, unit, of } of [RATE, ...PERCENTILES]) {
    report.figure({
      group: GROUP,
      title: titleOf(name),
      value: median(ours.map(of)),
      unit,
      beside: { name: BARE, value: median(theirs.map(of)) },
    });
  }
}

async function putting(lab: Lab, server: Server, load: Parameters<typeof wrk>[2]): Promise<Answered> {
  const answered = await wrk(server, PATH, load);
  await drain(lab.beanstalkd.port, 't');
  return answered;
}

const titleOf = (name: string) => `put 100 B at half the top rate, ${name}`;
