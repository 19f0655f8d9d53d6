import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Address } from './address.ts';
import { Alarm } from './alarm.ts';
import { type Command, listTubeUsed, quit } from './commands.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { type Reply, ReplyDecoder, type ReplyName, type ReplyOf } from './decode.ts';
import { dial, unreachable } from './dial.ts';
import { CommandEncoder } from './encode.ts';
import { BeanstalkdError } from './errors.ts';
import { lost, notSentInTime, protocolError, refused, silence, unsent } from './failures.ts';
import { Fifo } from './fifo.ts';
import { type Pending, renew, wasRenewed } from './pending.ts';
import { TubeState } from './tube-state.ts';

/** Under way at once; more gains nothing (BEANSTALKD.md, section 4) and makes more outcomes unknown at a break. */
const WINDOW_COMMANDS = 128;
const WINDOW_BYTES = 1_048_576;
/** A share of those under way: fewer wait for company, since beanstalkd answers those first anyway. */
const COMPANY_SHARE = 1 / 4;
/** At most: over a slow link no answer comes soon. A timer that is nearer keeps the event loop from sleeping. */
const COMPANY_MS = 10;
/** Commands that wait for the window. Their bodies are bounded by the caller's memory. */
const QUEUE_MAX = 16_384;

const NOTHING = () => {};
const ALL = () => true;

/**
 * One connection to one beanstalkd. Commands are pipelined: written in order, answered in order. Once
 * broken it stays broken, and everything asked of it later fails at once: out of step is worse than
 * disconnected.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #address: Address;
  readonly #options: ConnectionOptions;
  readonly #encoder = new CommandEncoder();
  readonly #decoder: ReplyDecoder;
  readonly #unsent = new Fifo<Pending>();
  readonly #sent = new Fifo<Pending>();
  readonly #tubes = new TubeState();
  #bytesUnderWay = 0;
  #flushScheduled = false;
  /** Set while commands wait for company. */
  #company: NodeJS.Timeout | undefined;
  /** A body waits in part for the socket to drain. */
  #bodyUnderWay = false;
  /** Rings at the earliest deadline that there was; what is due then is looked up. */
  readonly #alarm = new Alarm(() => this.#expire());
  #askedAt = performance.now();
  /** The id of the last job put. */
  #inserted = '';
  #broken: BeanstalkdError | undefined;
  #silent = false;

  private constructor(socket: Socket, address: Address, options: ConnectionOptions) {
    this.#socket = socket;
    this.#address = address;
    this.#options = options;
    this.#decoder = new ReplyDecoder(options.memory, this.#take);
    socket.on('data', this.#read);
    socket.on('drain', this.#drained);
    socket.on('error', (error) => this.#break(lost(error.message, error)));
    socket.on('close', () => this.#break(lost('beanstalkd closed the connection')));
    this.#alarm.ringAt(this.#askedAt + options.keepaliveDelayMs);
  }

  /**
   * Dials and shakes hands: a beanstalkd out of descriptors accepts, and never answers (BEANSTALKD.md,
   * section 4). Rejects with `UNREACHABLE`.
   */
  static async dial(address: Address, options: ConnectionOptions): Promise<Connection> {
    const startedAt = performance.now();
    const socket = await dial(address, options);
    const connection = new Connection(socket, address, options);
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

  /**
   * Broken, since beanstalkd did not answer, but its socket is still open. Closed now, on a dead link, its end
   * would be lost like all else, and beanstalkd would hold what it holds for hours more. So it is to be reset by
   * whoever reaches beanstalkd again; any word of beanstalkd resets it too. An idle connection beats for the same
   * reason: a keepalive that finds the link dead leaves no socket that could be reset.
   */
  get silent(): boolean {
    return this.#silent && !this.#socket.destroyed;
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
      if (this.#broken !== undefined) reject(unsent(this.#broken));
      else if (this.#unsent.length >= QUEUE_MAX)
        reject(new BeanstalkdError('QUEUE_FULL', 'none', `${QUEUE_MAX} commands wait for this connection`));
      // #take lets only replies in `command.replies` through.
      else this.#enqueue(command, timeoutMs, resolve as (reply: Reply) => void, reject);
    });
  }

  /**
   * Ends a wait: beanstalkd sees the half-closed socket and answers TIMED_OUT at once; a job that won the
   * race is ready again when the connection closes (BEANSTALKD.md, section 3).
   */
  hangUp(): void {
    if (this.#broken !== undefined) return;
    this.#fail(lost('hung up'));
    this.#socket.setTimeout(this.#options.commandTimeoutMs, () => this.#fallSilent());
    this.#socket.removeAllListeners('data').on('data', () => this.#socket.destroy());
    this.#socket.end();
  }

  /** Says `quit` behind all that is under way, and resolves when the connection is closed. */
  quit(): Promise<void> {
    if (this.#broken !== undefined) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#enqueue(quit(), this.#options.commandTimeoutMs, NOTHING, () => this.#socket.destroy());
    return closed;
  }

  /** Closes at once. What this connection holds is ready again as soon as beanstalkd sees it. */
  destroy(): void {
    this.#break(lost('closed'));
    this.#socket.destroy();
  }

  /** Ends the connection of which beanstalkd may not know yet that it is broken; what was unsent is never sent. */
  reset(): void {
    this.#break(lost('closed'));
    // A UNIX socket has no reset, and no need of one.
    if ('path' in this.#address) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #enqueue(
    command: Command<ReplyName>,
    timeoutMs: number,
    resolve: (reply: Reply) => void,
    reject: (error: BeanstalkdError) => void,
  ): void {
    const startedAt = performance.now();
    const deadline = startedAt + timeoutMs;
    this.#askedAt = startedAt;
    this.#unsent.push({ command, startedAt, timeoutMs, deadline, bytes: 0, resolve, reject });
    this.#alarm.ringAt(deadline);
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
    // A write costs as much as several commands. Each answer to what is under way brings us here again.
    if (this.#unsent.length >= this.#sent.length * COMPANY_SHARE) this.#leave();
    else this.#company ??= setTimeout(this.#companyOver, COMPANY_MS);
  };

  #companyOver = (): void => {
    this.#company = undefined;
    this.#leave();
  };

  #leave(): void {
    if (this.#broken !== undefined || this.#socket.writableNeedDrain) return;
    const now = performance.now();
    while (this.#sent.length < WINDOW_COMMANDS && this.#bytesUnderWay < WINDOW_BYTES) {
      const pending = this.#unsent.shift();
      if (pending === undefined) break;
      // This process may have stood still since.
      if (pending.deadline <= now) this.#reject(pending, notSentInTime(pending.command, pending.timeoutMs));
      else this.#send(pending);
    }
    this.#bodyUnderWay = !this.#encoder.flush(this.#socket);
  }

  #drained = (): void => {
    if (this.#broken !== undefined) return;
    if (this.#bodyUnderWay) renew(this.#sent.peek());
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
      ...behind,
      command,
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
    if (this.#decoder.midBody) renew(this.#sent.peek());
    // The one before may have had more time.
    this.#alarm.ringAt(this.#sent.peek()?.deadline ?? this.#askedAt + this.#options.keepaliveDelayMs);
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
    // The next one had to wait for a slow body, and may have no time left.
    if (wasRenewed(pending)) renew(this.#sent.peek());
    const { command } = pending;
    if (this.#belongs(reply, command)) {
      pending.resolve(reply);
      this.#observe(pending, true);
      return;
    }
    this.#giveBack(reply);
    const refusal = refused(command, reply);
    this.#reject(pending, refusal);
    if (refusal.code === 'PROTOCOL_ERROR') throw refusal;
  };

  #belongs(reply: Reply, { replies, fits }: Command<ReplyName>): boolean {
    if (!(replies as readonly ReplyName[]).includes(reply.name)) return false;
    if (reply.name === 'INSERTED') {
      // No two jobs have one id: this is the same reply once more.
      if (reply.id === this.#inserted) return false;
      this.#inserted = reply.id;
    }
    return fits === undefined || fits(reply);
  }

  /** The body of a reply that nobody takes. */
  #giveBack(reply: Reply): void {
    if (reply.name === 'RESERVED' || reply.name === 'FOUND')
      this.#options.memory.give(reply.body?.length ?? 0);
  }

  #reject(pending: Pending, error: BeanstalkdError): void {
    this.#observe(pending, false);
    pending.reject(error);
  }

  #observe(pending: Pending, ok: boolean): void {
    this.#options.onCommand?.(pending.command.name, (performance.now() - pending.startedAt) / 1000, ok);
  }

  #expire(): void {
    const now = performance.now();
    const oldest = this.#sent.peek();
    if (oldest !== undefined && oldest.deadline <= now) {
      this.#break(silence(oldest.command, oldest.timeoutMs));
      return;
    }
    for (const late of this.#unsent.take(({ deadline }) => deadline <= now))
      this.#reject(late, notSentInTime(late.command, late.timeoutMs));
    let next = this.#sent.peek()?.deadline ?? Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#unsent) next = Math.min(next, deadline);
    if (next === Number.POSITIVE_INFINITY) this.#beat(now);
    else this.#alarm.ringAt(next);
  }

  /** The heartbeat, when nothing is under way: see {@link silent}. */
  #beat(now: number): void {
    const { keepaliveDelayMs, commandTimeoutMs } = this.#options;
    const beatAt = this.#askedAt + keepaliveDelayMs;
    if (now >= beatAt) this.#enqueue(listTubeUsed(), commandTimeoutMs, NOTHING, NOTHING);
    else this.#alarm.ringAt(beatAt);
  }

  #break(error: BeanstalkdError): void {
    if (this.#broken !== undefined) return;
    if (error.code !== 'TIMEOUT') this.#socket.destroy();
    this.#fail(error);
    if (error.code === 'TIMEOUT') this.#fallSilent();
  }

  #fallSilent(): void {
    this.#silent = true;
    this.#socket.setKeepAlive(false);
    this.#socket.removeAllListeners('data').on('data', () => this.reset());
    this.#options.onSilent?.(this);
  }

  #fail(error: BeanstalkdError): void {
    this.#broken = error;
    this.#alarm.stop();
    clearTimeout(this.#company);
    this.#decoder.abandon();
    for (const pending of this.#sent.take(ALL)) this.#reject(pending, error);
    for (const pending of this.#unsent.take(ALL)) this.#reject(pending, unsent(error));
    this.#options.onBroken?.(error);
  }
}
