import { setTimeout as sleep } from 'node:timers/promises';
import { latencies } from '../latencies.ts';
import { print } from '../print.ts';
import { expectInserted, putCommand } from '../wire/load.ts';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { isReserved, reservedId, unexpectedReply } from '../wire/raw-socket.ts';

// raw-waiter <puts> <milliseconds between> <port of beanstalkd>: put sent -> job arrived, where one socket waits for it

const TUBE = 'raw-waiter';
const WAIT_SECONDS = 60;

const [puts = 0, everyMs = 0, port = 0] = process.argv.slice(2).map(Number);
const producer = await RawPipeline.dial(port);
const consumer = await RawPipeline.dial(port);
await producer.ask(`use ${TUBE}`);
await consumer.ask(`watch ${TUBE}`);

const milliseconds: number[] = [];
for (let number = 0; number < puts; number += 1) {
  let id = '';
  const arrived = consumer.exchange(`reserve-with-timeout ${WAIT_SECONDS}\r\n`, 1, (bytes, at) => {
    if (!isReserved(bytes, at)) unexpectedReply(bytes, at);
    id = reservedId(bytes, at);
  });
  await sleep(everyMs);
  const sentAt = performance.now();
  const inserted = producer.exchange(putCommand(), 1, expectInserted);
  await arrived;
  milliseconds.push(performance.now() - sentAt);
  await inserted;
  await consumer.ask(`delete ${id}`);
}
print(latencies(milliseconds));
