import { print } from '../print.ts';
import { chain, warmRate } from '../run.ts';
import { HttpSocket } from '../wire/http-socket.ts';
import { tubeNames } from '../wire/load.ts';
import { deleteRequest, putRequest, reserveRequest, tokensIn } from '../wire/requests.ts';

// single put <tubes> <seconds> <port of the gateway> <its pid>: puts into so many tubes in turn; puts a second
// single cycle <tube> <seconds> <port of the gateway> <its pid>: put, reserve and delete; jobs a second

const CONNECTIONS = 64;

const [operation, where = '', ...numbers] = process.argv.slice(2);
const [seconds = 0, port = 0, pid = 0] = numbers.map(Number);
const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpSocket.dial(port)));

function puts(): (socket: HttpSocket) => Promise<number> {
  const requests = tubeNames(Number(where)).map((tube) => Buffer.from(putRequest(tube)));
  let turn = 0;
  return async (socket) => {
    turn = (turn + 1) % requests.length;
    await socket.expect(201, requests[turn] ?? '');
    return 1;
  };
}

function cycles(): (socket: HttpSocket) => Promise<number> {
  const put = Buffer.from(putRequest(where));
  const reserve = Buffer.from(reserveRequest(where));
  return async (socket) => {
    await socket.expect(201, put);
    // As many jobs are ready as there are callers behind their put.
    const [token = ''] = tokensIn(await socket.expect(200, reserve));
    await socket.expect(204, deleteRequest(token));
    return 1;
  };
}

const step = operation === 'put' ? puts() : cycles();
print(
  await warmRate({
    seconds,
    pid,
    work: (run) => Promise.all(sockets.map((socket) => chain(run, () => step(socket)))),
  }),
);
