import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Address } from './address.ts';
import { type Command, listTubeUsed } from './commands.ts';
import { type BodyMemory, type Reply, ReplyDecoder, type ReplyName, type ReplyOf } from './decode.ts';
import { type DialOptions, dial, unreachable } from './dial.ts';
import { CommandEncoder } from './encode.ts';
import { BeanstalkdError } from './errors.ts';
import { lost, protocolError, refused, unsent } from './failures.ts';
import { Fifo } from './fifo.ts';
import { TubeState } from './tube-state.ts';

export interface ConnectionOptions extends DialOptions {
  /** Milliseconds that a command may take unless it says otherwise. */
  readonly commandTimeoutMs: number;
  readonly memory: BodyMemory;
  /** Called once, when the connection has become useless. */
  readonly onBroken?: (error: BeanstalkdError) => void;
  /** Called for every command that is over. */
  readonly onCommand?: CommandObserver;
}

export type CommandObserver = (name: string, seconds: number, ok: boolean) => void;

/** Under way at once; more gains nothing (BEANSTALKD.md, section 4) and makes more outcomes unknown at a break. */
const WINDOW_COMMANDS = 128;
const WINDOW_BYTES = 1_048_576;
/** Commands that wait for the window. Their bodies are bounded by the caller's memory. */
const QUEUE_MAX = 16_384;
/** A body on its way renews its command's deadline by progress, up to so many deadlines in all. */
const DEADLINES_MAX = 6;

/** setTimeout fires at once for more. */
const TIMER_MAX_MS = 2_147_483_647;

const QUIT: Command<never> = { name: 'quit', line: 'quit', replies: [] };

const NOTHING = () => {};

interface Pending {
  readonly command: Command<ReplyName>;
  readonly startedAt: number;
  readonly timeoutMs: number;
  /** By `performance.now()`. */
  deadline: number;
  bytes: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: BeanstalkdError) => void;
}

/**
 * One connection to one beanstalkd. Commands are pipelined: written in order, answered in order. Once
 * broken it stays broken, and everything asked of it later fails at once: out of step is worse than
 * disconnected.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #encoder = new CommandEncoder();
  readonly #decoder: ReplyDecoder;
  readonly #unsent = new Fifo<Pending>();
  readonly #sent = new Fifo<Pending>();
  readonly #tubes = new TubeState();
  #bytesUnderWay = 0;
  #flushScheduled = false;
  /** A body waits in part for the socket to drain. */
  #bodyUnderWay = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #broken: BeanstalkdError | undefined;

  private constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#decoder = new ReplyDecoder(options.memory, this.#take);
    socket.on('data', this.#read);
    socket.on('drain', this.#drained);
    socket.on('error', (error) => this.#break(lost(error.message, error)));
    socket.on('close', () => this.#break(lost('beanstalkd closed the connection')));
  }

  /**
   * Dials and shakes hands: a beanstalkd out of descriptors accepts, and never answers (BEANSTALKD.md,
   * section 4). Rejects with `UNREACHABLE`.
   */
  static async dial(address: Address, options: ConnectionOptions): Promise<Connection> {
    const startedAt = performance.now();
    const socket = await dial(address, options);
    const connection = new Connection(socket, options);
    const left = Math.max(1, options.connectTimeoutMs - (performance.now() - startedAt));
    try {
      await connection.execute(listTubeUsed(), left);
    } catch (error) {
      connection.destroy();
      const why = error instanceof Error ? error.message : String(error);
      throw unreachable(`no handshake: ${why}`, error);
    }
    return connection;
  }

  get broken(): BeanstalkdError | undefined {
    return this.#broken;
  }

  /** Commands sent and not answered. */
  get underWay(): number {
    return this.#sent.length;
  }

  /** Commands waiting for the window. */
  get queued(): number {
    return this.#unsent.length;
  }

  /**
   * Sends a command and resolves with one of its own replies.
   * Rejects with a {@link BeanstalkdError}: its `outcome` tells whether it may have been carried out.
   */
  execute<N extends ReplyName>(
    command: Command<N>,
    timeoutMs = this.#options.commandTimeoutMs,
  ): Promise<ReplyOf<N>> {
    return new Promise<ReplyOf<N>>((resolve, reject) => {
      if (this.#broken !== undefined) {
        reject(unsent(this.#broken));
        return;
      }
      if (this.#unsent.length >= QUEUE_MAX) {
        reject(new BeanstalkdError('QUEUE_FULL', 'none', `${QUEUE_MAX} commands wait for this connection`));
        return;
      }
      // #take lets only replies in `command.replies` through.
      this.#enqueue(command, timeoutMs, resolve as (reply: Reply) => void, reject);
    });
  }

  /**
   * Ends a wait: beanstalkd sees the half-closed socket and answers TIMED_OUT at once; a job that won the
   * race is ready again when the connection closes (BEANSTALKD.md, section 3).
   */
  hangUp(): void {
    if (this.#broken !== undefined) return;
    this.#fail(lost('hung up'));
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', () => this.#socket.destroy());
    this.#socket.setTimeout(this.#options.commandTimeoutMs, () => this.#socket.destroy());
    this.#socket.end();
  }

  /** Says `quit` behind all that is under way, and resolves when the connection is closed. */
  quit(): Promise<void> {
    if (this.#broken !== undefined) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    const { commandTimeoutMs } = this.#options;
    this.#enqueue(QUIT, commandTimeoutMs, NOTHING, NOTHING);
    return closed;
  }

  /** Closes at once. What this connection holds is ready again as soon as beanstalkd sees it. */
  destroy(): void {
    this.#break(lost('closed'));
  }

  #enqueue(
    command: Command<ReplyName>,
    timeoutMs: number,
    resolve: (reply: Reply) => void,
    reject: (error: BeanstalkdError) => void,
  ): void {
    const startedAt = performance.now();
    const deadline = startedAt + timeoutMs;
    this.#unsent.push({ command, startedAt, timeoutMs, deadline, bytes: 0, resolve, reject });
    this.#arm(deadline);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(this.#flush);
  }

  /** Runs after the I/O callbacks of a turn, so that the commands of all callers of that turn leave together. */
  #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#broken !== undefined || this.#socket.writableNeedDrain) return;
    while (this.#sent.length < WINDOW_COMMANDS && this.#bytesUnderWay < WINDOW_BYTES) {
      const pending = this.#unsent.shift();
      if (pending === undefined) break;
      this.#send(pending);
    }
    this.#bodyUnderWay = !this.#encoder.flush(this.#socket);
  };

  #drained = (): void => {
    if (this.#broken !== undefined) return;
    if (this.#bodyUnderWay) this.#renew();
    this.#bodyUnderWay = !this.#encoder.flush(this.#socket);
    if (!this.#bodyUnderWay) this.#scheduleFlush();
  };

  #send(pending: Pending): void {
    const { command } = pending;
    for (const ahead of this.#tubes.ahead(command)) this.#sendAhead(ahead, pending);
    pending.bytes = this.#encoder.write(command.line, command.body);
    this.#bytesUnderWay += pending.bytes;
    this.#sent.push(pending);
  }

  /** A refused `use` or `watch` would put the command behind it into the wrong tube. */
  #sendAhead(command: Command<'USING' | 'WATCHING' | 'NOT_IGNORED'>, behind: Pending): void {
    const bytes = this.#encoder.write(command.line);
    this.#bytesUnderWay += bytes;
    this.#sent.push({
      command,
      startedAt: behind.startedAt,
      timeoutMs: behind.timeoutMs,
      deadline: behind.deadline,
      bytes,
      resolve: (reply) => {
        if (reply.name === 'NOT_IGNORED') throw protocolError(command, reply);
      },
      reject: NOTHING,
    });
  }

  #read = (chunk: Buffer): void => {
    try {
      this.#decoder.write(chunk);
    } catch (error) {
      if (!(error instanceof BeanstalkdError)) throw error;
      this.#break(error);
    }
    if (this.#broken !== undefined) {
      this.#decoder.abandon();
      return;
    }
    if (this.#decoder.midReply) this.#renew();
    // The one before may have had more time.
    const oldest = this.#sent.peek();
    if (oldest !== undefined) this.#arm(oldest.deadline);
    if (this.#unsent.length > 0) this.#scheduleFlush();
  };

  #take = (reply: Reply): void => {
    const pending = this.#sent.shift();
    if (pending === undefined) {
      this.#giveBack(reply);
      if (this.#broken === undefined) throw protocolError(undefined, reply);
      return;
    }
    this.#bytesUnderWay -= pending.bytes;
    const { command } = pending;
    const belongs = (command.replies as readonly ReplyName[]).includes(reply.name);
    if (belongs && (command.fits === undefined || command.fits(reply))) {
      pending.resolve(reply);
      this.#observe(pending, true);
      return;
    }
    this.#giveBack(reply);
    const refusal = refused(command, reply);
    this.#observe(pending, false);
    pending.reject(refusal);
    if (refusal.code === 'PROTOCOL_ERROR') throw refusal;
  };

  /** The body of a reply that nobody takes. */
  #giveBack(reply: Reply): void {
    if (reply.name === 'RESERVED' || reply.name === 'FOUND')
      this.#options.memory.give(reply.body?.length ?? 0);
  }

  #observe(pending: Pending, ok: boolean): void {
    this.#options.onCommand?.(pending.command.name, (performance.now() - pending.startedAt) / 1000, ok);
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(this.#onTimer, Math.min(TIMER_MAX_MS, Math.max(1, at - performance.now())));
  }

  /** After a pause of this process the answer may be here already: it is read before the deadline is judged. */
  #onTimer = (): void => {
    setImmediate(this.#expire);
  };

  /** One timer for all: it fires at the earliest deadline that there was, and looks again. */
  #expire = (): void => {
    if (this.#broken !== undefined) return;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    const oldest = this.#sent.peek();
    if (oldest !== undefined && oldest.deadline <= now) {
      this.#break(
        new BeanstalkdError(
          'TIMEOUT',
          'unknown',
          `no answer to ${oldest.command.name} in ${Math.round(oldest.timeoutMs)} ms`,
        ),
      );
      return;
    }
    for (const late of this.#unsent.take(({ deadline }) => deadline <= now)) {
      this.#observe(late, false);
      late.reject(
        new BeanstalkdError(
          'TIMEOUT',
          'none',
          `${late.command.name} could not be sent in ${late.timeoutMs} ms`,
        ),
      );
    }
    let next = this.#sent.peek()?.deadline ?? Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#unsent) next = Math.min(next, deadline);
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
  };

  /** Part of a body has moved, so beanstalkd is alive: the oldest command gets more time. */
  #renew(): void {
    const oldest = this.#sent.peek();
    if (oldest === undefined) return;
    oldest.deadline = Math.max(
      oldest.deadline,
      Math.min(performance.now() + oldest.timeoutMs, oldest.startedAt + oldest.timeoutMs * DEADLINES_MAX),
    );
  }

  #break(error: BeanstalkdError): void {
    if (this.#broken !== undefined) return;
    this.#fail(error);
    this.#socket.destroy();
  }

  #fail(error: BeanstalkdError): void {
    this.#broken = error;
    clearTimeout(this.#timer);
    this.#decoder.abandon();
    for (let pending = this.#sent.shift(); pending !== undefined; pending = this.#sent.shift()) {
      this.#observe(pending, false);
      pending.reject(error);
    }
    for (let pending = this.#unsent.shift(); pending !== undefined; pending = this.#unsent.shift()) {
      this.#observe(pending, false);
      pending.reject(unsent(error));
    }
    this.#options.onBroken?.(error);
  }
}
