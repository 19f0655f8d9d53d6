import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import type { TestGateway } from '../support/gateway.ts';
import type { Answer } from './contract.ts';

/** A caller who sends bytes that no HTTP client would send, reads when it likes, and need not close. */
export class HostileCaller {
  /** Its own end of the connection. */
  readonly socket: Socket;
  /** The gateway's end, to be looked at. */
  readonly atGateway: Socket;
  /** All that are complete, in their order. */
  readonly answers: Answer[] = [];

  private constructor(socket: Socket, atGateway: Socket) {
    this.socket = socket;
    this.atGateway = atGateway;
  }

  /**
   * Reads nothing until told to; gone when the test is over.
   *
   * @param staysOpen whether it keeps its end open where the gateway has closed
   */
  static async dial({ url, app }: TestGateway, { staysOpen = false } = {}): Promise<HostileCaller> {
    const accepted = new Map<number | undefined, Socket>();
    const accept = (socket: Socket) => void accepted.set(socket.remotePort, socket);
    app.server.on('connection', accept);
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), allowHalfOpen: staysOpen });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    await poll('the gateway accepts', () => accepted.has(socket.localPort));
    app.server.off('connection', accept);
    const atGateway = accepted.get(socket.localPort);
    if (atGateway === undefined) throw new Error('it was not accepted');
    return new HostileCaller(socket, atGateway);
  }

  /** One that has sent this, and reads. */
  static async saying(
    gateway: TestGateway,
    bytes: string | Buffer,
    options?: { readonly staysOpen?: boolean },
  ): Promise<HostileCaller> {
    const caller = await HostileCaller.dial(gateway, options);
    caller.says(bytes);
    caller.reads();
    return caller;
  }

  says(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  reads(): void {
    const chunks: Buffer[] = [];
    let length = 0;
    let needed = 0;
    this.socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length < needed) return;
      let rest: Buffer = Buffer.concat(chunks);
      for (needed = lengthOf(rest); needed <= rest.length; needed = lengthOf(rest)) {
        this.answers.push(answerIn(rest.subarray(0, needed)));
        rest = rest.subarray(needed);
      }
      chunks.splice(0, chunks.length, rest);
      length = rest.length;
    });
  }

  untilAnswers(count: number, withinMs?: number): Promise<void> {
    return poll(`${count} answers`, () => this.answers.length >= count, withinMs);
  }

  /** Until the gateway has given the connection up, whether or not this caller has noticed. */
  untilGivenUp(withinMs?: number): Promise<void> {
    return poll('the gateway gives the connection up', () => this.atGateway.closed, withinMs);
  }
}

/** Bytes of the first answer in these; more than there are as long as it is not complete. */
function lengthOf(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return bytes.length + 1;
  // An answer of the gateway has a length, or no body at all.
  const length = /^content-length: (\d+)$/im.exec(bytes.toString('latin1', 0, end))?.[1] ?? '0';
  return end + 4 + Number(length);
}

function answerIn(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers: IncomingHttpHeaders = {};
  for (const line of lines) {
    const colon = line.indexOf(': ');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
  }
  const body = bytes.subarray(end + 4);
  return {
    status: Number(first.split(' ')[1]),
    headers,
    body,
    get text() {
      return body.toString();
    },
    json: (): unknown => JSON.parse(body.toString()),
  };
}
