import { randomBytes } from 'node:crypto';
import { RawPipeline } from '../wire/raw-pipeline.ts';
import { isDeleted, isInserted, isReserved, reservedId, unexpectedReply } from '../wire/raw-socket.ts';
import { beanstalkdPort } from './arguments.ts';
import { serveOnFastify } from './on-fastify.ts';

/**
 * The least that any gateway on Fastify has to do: raw sockets, the commands of a turn in one write, and for a
 * reserve the statistics that its answer carries. It keeps no promise: no deadline, no expiry, no caller that leaves,
 * nothing that fails. What it makes is what a gateway on this stack could make at most.
 */

const TTR_MS = 60_000;
const TOKEN_BYTES = 16;
/** In turn, so that beanstalkd, which scans what a connection holds, is not what is measured. */
const WORKERS = 40;
const HELD_EACH = 1_000;

type Read<T> = (bytes: Buffer, at: number, body: number, end: number) => T;

/** The commands of one turn of the event loop leave in one write. */
class Line {
  readonly #connection: RawPipeline;
  #commands = '';
  #looks: Read<void>[] = [];

  private constructor(connection: RawPipeline) {
    this.#connection = connection;
  }

  static async dial(): Promise<Line> {
    const connection = await RawPipeline.dial(beanstalkdPort);
    await connection.ask('use t');
    await connection.ask('watch t');
    return new Line(connection);
  }

  ask<T>(command: string, read: Read<T>): Promise<T> {
    return new Promise((resolve) => {
      if (this.#commands === '') setImmediate(this.#leave);
      this.#commands += command;
      this.#looks.push((bytes, at, body, end) => resolve(read(bytes, at, body, end)));
    });
  }

  #leave = (): void => {
    const looks = this.#looks;
    let answered = 0;
    void this.#connection.exchange(this.#commands, looks.length, (bytes, at, body, end) => {
      looks[answered]?.(bytes, at, body, end);
      answered += 1;
    });
    this.#commands = '';
    this.#looks = [];
  };
}

const producer = await Line.dial();
const workers = await Promise.all(Array.from({ length: WORKERS }, () => Line.dial()));

function insertedId(bytes: Buffer, at: number): string {
  if (!isInserted(bytes, at)) unexpectedReply(bytes, at);
  return bytes.toString('latin1', at + 'INSERTED '.length, bytes.indexOf('\r', at));
}

function reserved(bytes: Buffer, at: number, body: number, end: number) {
  if (!isReserved(bytes, at)) unexpectedReply(bytes, at);
  return { id: reservedId(bytes, at), body: bytes.toString('utf8', body, end - 2) };
}

function statistics(bytes: Buffer, _at: number, body: number, end: number) {
  const lines = bytes.toString('latin1', body, end).split('\n');
  const number = (line: number) => Number(lines[line]?.slice(lines[line]?.indexOf(' ')));
  return {
    priority: number(4),
    age: number(5),
    delay: number(6),
    ttr: number(7),
    reserves: number(10),
    timeouts: number(11),
    releases: number(12),
    buries: number(13),
    kicks: number(14),
  };
}

interface Held {
  readonly id: string;
  readonly worker: Line;
}

const held = new Map<string, Held>();
let reserves = 0;

function nextWorker(): Line {
  const worker = workers[Math.floor(reserves / HELD_EACH) % WORKERS];
  if (worker === undefined) throw new Error('no such worker');
  reserves += 1;
  return worker;
}

await serveOnFastify({
  put: (body) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    return producer.ask(`put 1024 0 60 ${bytes.length}\r\n${bytes.toString('latin1')}\r\n`, insertedId);
  },
  reserve: async (tube) => {
    const worker = nextWorker();
    const { id, body } = await worker.ask('reserve-with-timeout 0\r\n', reserved);
    const job = await worker.ask(`stats-job ${id}\r\n`, statistics);
    const reservation = randomBytes(TOKEN_BYTES).toString('hex');
    held.set(reservation, { id, worker });
    return {
      reservation,
      job: { id, tube, ...job },
      body,
      encoding: 'utf-8',
      expiresAt: new Date(Date.now() + TTR_MS).toISOString(),
    };
  },
  settle: async (reservation) => {
    const job = held.get(reservation);
    if (job === undefined) throw new Error('no such reservation');
    held.delete(reservation);
    await job.worker.ask(`delete ${job.id}\r\n`, (bytes, at) => {
      if (!isDeleted(bytes, at)) unexpectedReply(bytes, at);
    });
  },
});
