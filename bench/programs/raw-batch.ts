import { print } from '../print.ts';
import { chain, type Run, warmRate } from '../run.ts';
import { expectInserted, load, putCommand } from '../wire/load.ts';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { isDeleted, isReserved, isTimedOut, reservedId, unexpectedReply } from '../wire/raw-socket.ts';

// raw-batch <put|work|work-with-stats> <seconds> <port of beanstalkd>: what batch does, without a gateway; jobs a second

const JOBS = 500;
/** As many as batch has. */
const IN_FLIGHT = 4;
const TUBE = 'batch';
const PUTS = Buffer.from(putCommand().repeat(JOBS));
const RESERVES = Buffer.from('reserve-with-timeout 0\r\n'.repeat(JOBS));

const [operation, seconds, beanstalkdPort] = process.argv.slice(2);
const port = Number(beanstalkdPort);
const pipeline = await RawPipeline.dial(port);
await pipeline.ask(`use ${TUBE}`);
await pipeline.ask(`watch ${TUBE}`);

async function putBatch(): Promise<number> {
  await pipeline.exchange(PUTS, JOBS, expectInserted);
  return JOBS;
}

/** @param stats asks for each job's statistics as well, as the gateway must for its answer */
async function workBatch(stats: boolean): Promise<number> {
  const ids: string[] = [];
  await pipeline.exchange(RESERVES, JOBS, (bytes, at) => {
    if (isReserved(bytes, at)) ids.push(reservedId(bytes, at));
    else if (!isTimedOut(bytes, at)) unexpectedReply(bytes, at);
  });
  if (ids.length === 0) return 0;
  if (stats) await pipeline.exchange(linesOf('stats-job', ids), ids.length, expectBody);
  await pipeline.exchange(linesOf('delete', ids), ids.length, expectDeleted);
  return ids.length;
}

const linesOf = (command: string, ids: readonly string[]) => ids.map((id) => `${command} ${id}\r\n`).join('');

function expectBody(bytes: Buffer, at: number, body: number, end: number): void {
  if (body === end) unexpectedReply(bytes, at);
}

function expectDeleted(bytes: Buffer, at: number): void {
  if (!isDeleted(bytes, at)) unexpectedReply(bytes, at);
}

const chains = Array.from({ length: IN_FLIGHT });
const stepped = (step: () => Promise<number>) => (run: Run) =>
  Promise.all(chains.map(() => chain(run, step)));
const measured = { seconds: Number(seconds), pid: process.pid };
print(
  operation === 'put'
    ? await warmRate({ ...measured, work: stepped(putBatch) })
    : await warmRate({
        ...measured,
        work: stepped(() => workBatch(operation === 'work-with-stats')),
        supply: (jobs) => load(port, TUBE, jobs),
      }),
);
