import { print } from '../print.ts';
import { median } from '../row.ts';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { unexpectedReply } from '../wire/raw-socket.ts';

// raw-list-tubes <port of beanstalkd>: milliseconds of list-tubes and a stats-tube for each, pipelined

const CALLS = 20;

const pipeline = await RawPipeline.dial(Number(process.argv[2]));
const milliseconds: number[] = [];
for (let call = 0; call < 2 * CALLS; call += 1) {
  const startedAt = performance.now();
  const names = [...(await pipeline.ask('list-tubes')).matchAll(/^- (.+)$/gm)];
  const commands = names.map(([, name]) => `stats-tube ${name?.trim()}\r\n`).join('');
  await pipeline.exchange(commands, names.length, (bytes, at, body, end) => {
    if (body === end) unexpectedReply(bytes, at);
  });
  milliseconds.push(performance.now() - startedAt);
}
// The first half is the warm-up.
print({ ms: median(milliseconds.slice(CALLS)) });
