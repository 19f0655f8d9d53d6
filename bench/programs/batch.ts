import { print } from '../print.ts';
import { chain, type Rate, type Run, warmRate } from '../run.ts';
import { HttpSocket } from '../wire/http-socket.ts';
import { load } from '../wire/load.ts';
import { countIn, deleteBatchRequest, putBatchRequest, reserveRequest, tokensIn } from '../wire/requests.ts';

// batch <put|work> <seconds> <port of the gateway> <its pid> <port of beanstalkd>: jobs a second

const JOBS = 500;
const COUNT = 100;
/** Batches at once, so that the gateway never waits for the next one. */
const IN_FLIGHT = 4;
const TUBE = 'batch';

const [operation, ...numbers] = process.argv.slice(2);
const [seconds = 0, gatewayPort = 0, pid = 0, beanstalkdPort = 0] = numbers.map(Number);
const dial = () => HttpSocket.dial(gatewayPort);
const puts = putBatchRequest(TUBE, JOBS);
const reserve = reserveRequest(TUBE, `?count=${COUNT}`);

async function putBatch(socket: HttpSocket): Promise<number> {
  expectAll('"status":201', JOBS, await socket.expect(200, puts));
  return JOBS;
}

/** Reserves in several calls, since one gives at most 100 jobs, and deletes in one. */
async function workBatch(sockets: readonly HttpSocket[]): Promise<number> {
  const [first] = sockets;
  const answers = await Promise.all(sockets.map((socket) => socket.expect(200, reserve)));
  const tokens = answers.flatMap(tokensIn);
  if (first === undefined || tokens.length === 0) return 0;
  expectAll('"status":204', tokens.length, await first.expect(200, deleteBatchRequest(tokens)));
  return tokens.length;
}

function expectAll(status: string, count: number, answer: Buffer): void {
  if (countIn(answer, status) !== count) throw new Error(`not all ${status}: ${answer.toString('latin1')}`);
}

async function rateOfPuts(): Promise<Rate> {
  const sockets = await Promise.all(Array.from({ length: IN_FLIGHT }, dial));
  const work = (run: Run) => Promise.all(sockets.map((socket) => chain(run, () => putBatch(socket))));
  return warmRate({ seconds, pid, work });
}

async function rateOfWork(): Promise<Rate> {
  const perBatch = Array.from({ length: JOBS / COUNT });
  const groups = await Promise.all(Array.from({ length: IN_FLIGHT }, () => Promise.all(perBatch.map(dial))));
  const work = (run: Run) => Promise.all(groups.map((sockets) => chain(run, () => workBatch(sockets))));
  return warmRate({ seconds, pid, work, supply: (jobs) => load(beanstalkdPort, TUBE, jobs) });
}

print(operation === 'put' ? await rateOfPuts() : await rateOfWork());
