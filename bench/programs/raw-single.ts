import { print } from '../print.ts';
import { chain, warmRate } from '../run.ts';
import { expectInserted, putCommand, putIn, tubeNames } from '../wire/load.ts';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { isDeleted, isReserved, isUsing, reservedId, unexpectedReply } from '../wire/raw-socket.ts';

// What single does, without a gateway, pipelined:
// raw-single put <tubes> <seconds> <port of beanstalkd>: puts into so many tubes in turn; puts a second
// raw-single cycle <tube> <seconds> <port of beanstalkd>: put, reserve and delete; jobs a second

/** As many commands under way as single has callers. */
const WINDOW = 16;
const WINDOWS = 4;

const [operation, where = '', ...numbers] = process.argv.slice(2);
const [seconds = 0, port = 0] = numbers.map(Number);
const pipeline = await RawPipeline.dial(port);

function puts(): () => Promise<number> {
  const commands = tubeNames(Number(where)).map(putIn);
  let turn = 0;
  return async () => {
    let window = '';
    for (let at = 0; at < WINDOW; at += 1) {
      turn = (turn + 1) % commands.length;
      window += commands[turn];
    }
    await pipeline.exchange(window, 2 * WINDOW, (bytes, at) => {
      if (!isUsing(bytes, at)) expectInserted(bytes, at);
    });
    return WINDOW;
  };
}

async function cycles(): Promise<() => Promise<number>> {
  await pipeline.ask(`use ${where}`);
  await pipeline.ask(`watch ${where}`);
  const puts = putCommand().repeat(WINDOW);
  const reserves = 'reserve-with-timeout 0\r\n'.repeat(WINDOW);
  return async () => {
    await pipeline.exchange(puts, WINDOW, expectInserted);
    let deletes = '';
    await pipeline.exchange(reserves, WINDOW, (bytes, at) => {
      if (!isReserved(bytes, at)) unexpectedReply(bytes, at);
      deletes += `delete ${reservedId(bytes, at)}\r\n`;
    });
    await pipeline.exchange(deletes, WINDOW, (bytes, at) => {
      if (!isDeleted(bytes, at)) unexpectedReply(bytes, at);
    });
    return WINDOW;
  };
}

const step = operation === 'put' ? puts() : await cycles();
print(
  await warmRate({
    seconds,
    pid: process.pid,
    work: (run) => Promise.all(Array.from({ length: WINDOWS }, () => chain(run, step))),
  }),
);
