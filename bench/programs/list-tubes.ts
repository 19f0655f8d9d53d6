import { print } from '../print.ts';
import { median } from '../row.ts';
import { HttpSocket } from '../wire/http-socket.ts';
import { countIn } from '../wire/requests.ts';

// list-tubes <tubes there are, default not counted> <port of the gateway>: milliseconds of GET /v1/tubes

const CALLS = 20;
const REQUEST = 'GET /v1/tubes HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

const [tubes = 0, port = 0] = process.argv.slice(2).map(Number);
const socket = await HttpSocket.dial(port);
const milliseconds: number[] = [];
for (let call = 0; call < 2 * CALLS; call += 1) {
  const startedAt = performance.now();
  const answer = await socket.expect(200, REQUEST);
  milliseconds.push(performance.now() - startedAt);
  const listed = countIn(answer, '"name":"tube-');
  if (listed !== tubes) throw new Error(`${listed} tubes of ${tubes}`);
}
// The first half is the warm-up.
print({ ms: median(milliseconds.slice(CALLS)) });
