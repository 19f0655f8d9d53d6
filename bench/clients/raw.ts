import type { Run } from '../run.ts';
import { expectInserted, putCommand } from '../wire/load.ts';
import {
  isDeleted,
  isReserved,
  isTimedOut,
  RawSocket,
  reservedId,
  unexpectedReply,
} from '../wire/raw-socket.ts';
import type { OpenClient } from './client.ts';

const PUT = putCommand();
const RESERVE = 'reserve-with-timeout 0\r\n';

/**
 * No client at all but one socket, pipelined, of whose replies only the ends are found. With many in flight beanstalkd
 * is its limit, so a client may well be as fast.
 */
export const openRaw: OpenClient = async (port, inFlight) => {
  const socket = await RawSocket.dial(port);
  const puts = Buffer.from(PUT.repeat(inFlight));
  return {
    put: (run) => put(socket, run, puts, inFlight),
    work: (run) => work(socket, run, inFlight),
  };
};

function put(socket: RawSocket, run: Run, puts: Buffer, inFlight: number): Promise<void> {
  return new Promise((resolve) => {
    let underWay = inFlight;
    let answered = 0;
    socket.take = (bytes, at) => {
      expectInserted(bytes, at);
      answered += 1;
    };
    socket.taken = () => {
      run.done += answered;
      if (run.over) underWay -= answered;
      else socket.write(puts.subarray(0, answered * PUT.length));
      answered = 0;
      if (underWay === 0) resolve();
    };
    socket.write(puts);
  });
}

function work(socket: RawSocket, run: Run, inFlight: number): Promise<void> {
  return new Promise((resolve) => {
    let underWay = inFlight;
    let next = '';
    socket.take = (bytes, at) => {
      if (isReserved(bytes, at)) {
        next += `delete ${reservedId(bytes, at)}\r\n`;
        return;
      }
      if (isDeleted(bytes, at)) run.done += 1;
      else if (isTimedOut(bytes, at)) run.ranOut = true;
      else unexpectedReply(bytes, at);
      if (run.over || run.ranOut) underWay -= 1;
      else next += RESERVE;
    };
    socket.taken = () => {
      if (next !== '') socket.write(next);
      next = '';
      if (underWay === 0) resolve();
    };
    socket.write(RESERVE.repeat(inFlight));
  });
}
