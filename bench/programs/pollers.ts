import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { latencies } from '../latencies.ts';
import { print } from '../print.ts';
import { HttpSocket } from '../wire/http-socket.ts';
import { expectInserted, putCommand } from '../wire/load.ts';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { deleteRequest, reserveRequest, tokensIn } from '../wire/requests.ts';

// pollers <pollers> <puts> <milliseconds between> <port of the gateway> <its pid> <port of beanstalkd>

const TUBE = 'pollers';
const POLL = reserveRequest(TUBE, '?timeout=60');
/** Fewer than wait in the gateway's queue of connections to be accepted. */
const DIALS_AT_ONCE = 200;
/** Until the last of them waits: asking the gateway sooner would open a connection to beanstalkd for its metrics. */
const SETTLED_MS = 2_000;
/** The job's body is its number. */
const NUMBER = '"body":"';

const [count = 0, puts = 0, everyMs = 0, gatewayPort = 0, pid = 0, beanstalkdPort = 0] = process.argv
  .slice(2)
  .map(Number);
const producer = await RawPipeline.dial(beanstalkdPort);
await producer.ask(`use ${TUBE}`);

const sentAt: number[] = [];
const milliseconds: number[] = [];

/** Polls for ever; ends with the program. */
async function poll(socket: HttpSocket): Promise<never> {
  for (;;) {
    const answer = await socket.expect(200, POLL);
    const arrivedAt = performance.now();
    const body = answer.indexOf(NUMBER, 0, 'latin1') + NUMBER.length;
    const putAt = sentAt[Number.parseInt(answer.toString('latin1', body), 10)];
    const [token] = tokensIn(answer);
    if (token === undefined || putAt === undefined) throw new Error(`no job: ${answer.toString('latin1')}`);
    milliseconds.push(arrivedAt - putAt);
    await socket.expect(204, deleteRequest(token));
  }
}

async function startPolling(): Promise<void> {
  for (let started = 0; started < count; started += DIALS_AT_ONCE) {
    const dials = Array.from({ length: Math.min(DIALS_AT_ONCE, count - started) }, () =>
      HttpSocket.dial(gatewayPort),
    );
    for (const socket of await Promise.all(dials)) void poll(socket);
  }
  await sleep(SETTLED_MS);
}

async function putOneByOne(): Promise<void> {
  for (let number = 0; number < puts; number += 1) {
    await sleep(everyMs);
    sentAt[number] = performance.now();
    await producer.exchange(putCommand(String(number)), 1, expectInserted);
  }
  while (milliseconds.length < puts) await sleep(20);
}

async function waiters(): Promise<number> {
  const socket = await HttpSocket.dial(gatewayPort);
  const text = await socket.expect(200, 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  return Number(/^beanstalkd_gateway_waiters (\d+)$/m.exec(text.toString())?.[1]);
}

/** The gateway's resident memory in KiB. */
function resident(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** But for our own. */
async function connectionsOfTheGateway(): Promise<number> {
  const stats = await producer.ask('stats');
  return Number(/^current-connections: (\d+)$/m.exec(stats)?.[1]) - 1;
}

const before = resident();
await startPolling();
const kibibytes = (resident() - before) / count;
const connections = await connectionsOfTheGateway();
const waiting = await waiters();
if (waiting !== count) throw new Error(`${waiting} of ${count} wait`);
await putOneByOne();
print({ ...latencies(milliseconds), connections, kibibytes });
