import type { Lab, Server } from '../lab.ts';
import type { Report } from '../report.ts';
import { startWebdis } from '../webdis.ts';
import { drain } from '../wire/drain.ts';
import { wrk } from '../wrk.ts';
import { answering } from './answering.ts';
import { BARE, LEAST, NAIVE } from './rivals.ts';
import { cycle, warmUp } from './warm-up.ts';

const GROUP = 'single calls';
const SECONDS = 3;
const LPUSH = 'webdis LPUSH';

const PUTS = [
  { title: 'put 100 B', bytes: 100 },
  { title: 'put 10 kB', bytes: 10_000 },
] as const;
const CYCLE = 'put, reserve and delete 100 B';

/** What can go on for as long as one likes. */
export async function lasting(lab: Lab, report: Report): Promise<void> {
  if (![CYCLE, ...PUTS.map(({ title }) => title)].some((title) => report.wants(GROUP, title))) return;
  const gateway = await lab.gateway();
  const bare = await lab.server('bare-fastify.js');
  const naive = [];
  for (const { name, file } of [LEAST, ...NAIVE]) naive.push({ name, server: await lab.server(file) });
  const webdis = await startWebdis(lab);
  const rivals = [{ name: BARE, server: bare }, ...naive];
  for (const { server } of [{ server: gateway }, ...rivals]) await warmUp(lab, server);

  for (const { title, bytes } of PUTS) {
    const put = ({ name, server }: { readonly name: string; readonly server: Server }) =>
      answering(name, async () => {
        const load = { script: 'put.lua', args: ['POST', bytes], seconds: SECONDS };
        const answered = await wrk(server, '/v1/tubes/t/jobs', load);
        await drain(lab.beanstalkd.port, 't');
        return answered;
      });
    const push = answering(LPUSH, async () => {
      const load = { script: 'put.lua', args: ['PUT', bytes], seconds: SECONDS };
      const answered = await wrk(webdis, '/LPUSH/t', load);
      await fetch(`${webdis.url}/DEL/t`);
      return answered;
    });
    await report.row({
      group: GROUP,
      title,
      unit: 'requests/s',
      ours: put({ name: 'gateway', server: gateway }),
      rivals: bytes === 100 ? [...rivals.map(put), push] : rivals.map(put),
      ...(bytes === 100 ? { bars: { [BARE]: 1, [LPUSH]: lab.major < 26 ? 0.95 : 1.05 } } : {}),
    });
  }

  const cycles = ({ name, server }: { readonly name: string; readonly server: Server }) =>
    answering(name, () => cycle(lab, server, SECONDS), 3);
  await report.row({
    group: GROUP,
    title: CYCLE,
    unit: 'jobs/s',
    ours: cycles({ name: 'gateway', server: gateway }),
    rivals: rivals.map(cycles),
  });

  for (const { server } of [{ server: gateway }, ...rivals, { server: webdis }]) await server.stop();
}
