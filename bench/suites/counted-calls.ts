import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lab, type Server, untilReady } from '../lab.ts';
import type { Report } from '../report.ts';
import type { Contender } from '../row.ts';
import { startWebdis } from '../webdis.ts';
import { load } from '../wire/load.ts';
import { type Answered, CONNECTIONS, wrk } from '../wrk.ts';
import { answering } from './answering.ts';
import { BARE, LEAST, NAIVE } from './rivals.ts';
import { warmUp } from './warm-up.ts';

const GROUP = 'single calls';
const RESERVE = 'reserve 100 B';
const DELETE = 'delete';
const RESERVATIONS = '/v1/tubes/t/reservations';

/** The gateway holds 50,000 reservations unless told otherwise. */
const JOBS = 40_000;
/** The naive ones reserve one a call, which takes long. */
const JOBS_OF_NAIVE = 10_000;

/** wrk leaves warming up with so many calls unanswered, and a slow server goes on to take jobs for them. */
const SPARE = CONNECTIONS;

/** Who ask at once, so that the reservations of the connections come mixed. */
const CALLERS = 20;

/** node-beanstalk's pool would need a connection for each job that is held. */
const HOLDING = NAIVE.filter(({ file }) => file !== 'naive-node-beanstalk.js');

/** What uses something up that must be there before: ready jobs, or reservations. */
export async function counted(lab: Lab, report: Report): Promise<void> {
  if (![RESERVE, DELETE].some((title) => report.wants(GROUP, title))) return;
  const gateway = await lab.gateway();
  const bare = await lab.server('bare-fastify.js');
  const webdis = await startWebdis(lab);
  for (const server of [gateway, bare]) await warmUp(lab, server);

  await report.row({
    group: GROUP,
    title: RESERVE,
    unit: 'requests/s',
    ours: answering('gateway', async () => {
      await empty(lab, gateway);
      return reserve(lab, gateway, JOBS);
    }),
    rivals: [
      answering(BARE, () => take(bare, RESERVATIONS, 'POST', JOBS)),
      onFresh(lab, LEAST, (server) => reserve(lab, server, JOBS)),
      ...HOLDING.map((one) => onFresh(lab, one, (server) => reserve(lab, server, JOBS_OF_NAIVE))),
      answering('webdis RPOP', () => pop(webdis)),
    ],
    bars: { [BARE]: 0.8 },
  });
  await report.row({
    group: GROUP,
    title: DELETE,
    unit: 'requests/s',
    ours: answering('gateway', async () => {
      await empty(lab, gateway);
      return deleteAll(lab, gateway, JOBS, 100);
    }),
    rivals: [
      answering(BARE, () =>
        deleteEach(
          lab,
          bare,
          Array.from({ length: JOBS }, () => randomUUID()),
        ),
      ),
      onFresh(lab, LEAST, (server) => deleteAll(lab, server, JOBS, 1)),
      ...HOLDING.map((one) => onFresh(lab, one, (server) => deleteAll(lab, server, JOBS_OF_NAIVE, 1))),
    ],
    bars: { [BARE]: 0.92 },
  });
  for (const server of [gateway, bare, webdis]) await server.stop();
}

/** Nothing is held any more, as every connection is new. */
async function empty(lab: Lab, gateway: Server): Promise<void> {
  await lab.beanstalkd.restart();
  await untilReady(gateway);
}

/** The naive ones do not survive a restart of beanstalkd. */
const onFresh = (
  lab: Lab,
  { name, file }: (typeof NAIVE)[number] | typeof LEAST,
  attempt: (server: Server) => Promise<Answered>,
): Contender =>
  answering(name, async () => {
    await lab.beanstalkd.restart();
    const server = await lab.server(file);
    await warmUp(lab, server);
    const answered = await attempt(server);
    await server.stop();
    return answered;
  });

const take = (server: Server, path: string, method: 'GET' | 'POST', count: number): Promise<Answered> =>
  wrk(server, path, { script: 'take.lua', args: [method, count, CONNECTIONS] });

async function reserve(lab: Lab, server: Server, jobs: number): Promise<Answered> {
  await load(lab.beanstalkd.port, 't', jobs + SPARE);
  const before = await lab.beanstalkd.figure('t', 'current-jobs-reserved');
  const answered = await take(server, RESERVATIONS, 'POST', jobs);
  const reserved = (await lab.beanstalkd.figure('t', 'current-jobs-reserved')) - before;
  if (reserved < answered.answered) throw new Error(`${reserved} of ${answered.answered} have a job`);
  return answered;
}

/** @param count how many jobs one call reserves */
async function deleteAll(lab: Lab, server: Server, jobs: number, count: number): Promise<Answered> {
  const { beanstalkd } = lab;
  await load(beanstalkd.port, 't', jobs + SPARE);
  const tokens = await reservationsOf(server, jobs, count);
  const before = await beanstalkd.figure('t', 'cmd-delete');
  const answered = await deleteEach(lab, server, tokens);
  const deleted = (await beanstalkd.figure('t', 'cmd-delete')) - before;
  if (deleted < answered.answered) throw new Error(`${deleted} of ${answered.answered} are deleted`);
  return answered;
}

function deleteEach(lab: Lab, server: Server, tokens: readonly string[]): Promise<Answered> {
  const file = join(lab.folder, 'reservations');
  writeFileSync(file, tokens.map((token) => `${token}\n`).join(''));
  return wrk(server, '/', { script: 'delete.lua', args: [file, CONNECTIONS] });
}

async function reservationsOf(server: Server, jobs: number, count: number): Promise<string[]> {
  const tokens: string[] = [];
  const query = count === 1 ? '' : `?count=${count}`;
  const callInTurn = async () => {
    for (let asked = 0; asked < jobs / CALLERS; asked += count) {
      const answer = await fetch(`${server.url}${RESERVATIONS}${query}`, { method: 'POST' });
      const text = await answer.text();
      for (const [, token = ''] of text.matchAll(/"reservation":"([^"]+)"/g)) tokens.push(token);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, callInTurn));
  if (tokens.length !== jobs) throw new Error(`${tokens.length} reservations of ${jobs} jobs`);
  return tokens;
}

async function pop(webdis: Server): Promise<Answered> {
  const thousand = `LPUSH/t${`/${'x'.repeat(100)}`.repeat(1_000)}`;
  for (let n = 0; n < JOBS; n += 1_000) await fetch(webdis.url, { method: 'POST', body: thousand });
  const answered = await take(webdis, '/RPOP/t', 'GET', JOBS);
  const left = await (await fetch(`${webdis.url}/LLEN/t`)).text();
  await fetch(`${webdis.url}/DEL/t`);
  if (!/^\{"LLEN":\d{1,2}\}$/.test(left)) throw new Error(`webdis is left with ${left}`);
  return answered;
}
