import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { makeRequestId } from './every-answer.ts';
import { isClosing, linger } from './linger.ts';
import { invalid, Problem } from './problem.ts';

/** Answers what is no HTTP, too slow or too large: there is no request yet, only a socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (isClosing(socket) || faulty.has(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  faulty.add(socket);
  endBehindAnswers(socket, problemOf(error));
}

/** Node's parser reports the same again with all that comes. */
const faulty = new WeakSet<Duplex>();

/** What is malformed may come behind requests that are being carried out, and whose answers this must not seem. */
function endBehindAnswers(socket: Duplex, problem: Problem): void {
  const answer = answerUnderWay(socket);
  if (answer?.req.complete === true) {
    // Node has put the next one in its place by then.
    answer.once('finish', () => endBehindAnswers(socket, problem));
  } else if (answer?.headersSent === true) {
    // Half of an answer must not be followed by another one.
    socket.destroy();
  } else {
    endWithProblem(socket, problem);
  }
}

/** CONNECT asks for a tunnel, and comes without a request that could be answered. */
export function refuseConnect(_request: unknown, socket: Duplex): void {
  // Node has taken its own listener away, and nobody else hears that the caller is gone.
  socket.on('error', () => socket.destroy());
  endWithProblem(
    socket,
    new Problem('method-not-allowed', 'the gateway is no proxy'),
    'Allow: GET, POST, DELETE\r\n',
  );
}

/** Node keeps it on the socket, and nowhere else. */
function answerUnderWay(socket: Duplex): ServerResponse | undefined {
  const answer: unknown = Reflect.get(socket, '_httpMessage');
  return answer instanceof ServerResponse ? answer : undefined;
}

function problemOf({ code }: NodeJS.ErrnoException): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'path, query and headers together are too large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'the request did not arrive in time');
    default:
      return invalid({ in: 'header', name: '', message: 'is not well-formed HTTP' });
  }
}

function endWithProblem(socket: Duplex, problem: Problem, headers = ''): void {
  const requestId = makeRequestId();
  // Nothing was carried out, whatever it was meant to be.
  const body = JSON.stringify(problem.body(requestId, true));
  socket.write(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `Content-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\n${headers}Connection: close\r\n\r\n${body}`,
  );
  linger(socket);
}
