import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answers } from './answers.ts';
import { type DataDir, openDataDir, removeStaleSockets } from './data-dir.ts';
import { findProgram } from './find-program.ts';
import { rememberMaxJobSize } from './max-job-size.ts';
import { OwnError } from './own-error.ts';
import { seldom } from './seldom.ts';
import { Supervised } from './supervised.ts';

/** Reading back a large binlog takes its time; a beanstalkd that is silent for longer is started anew. */
const READY_MS = 60_000;
const POLL_MS = 20;
/** How long a predecessor killed a moment ago may still hold the binlog's lock. */
const LOCK_MS = 3000;
const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 5000;
/** One that served for this long did not fail to start. */
const STEADY_MS = 30_000;
const STOP_MS = 3000;
/** beanstalkd's exit code when it cannot lock its binlog folder. */
const LOCKED = 'exit code 10';

/** What the supervision has to tell, for the log. */
interface OwnLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface OwnOptions {
  /** DATA_DIR: the binlog, the socket and the remembered job size. */
  readonly dataDir: string;
  /** The largest job that must fit. */
  readonly maxJobSize: number;
  /** Where to look for the program. */
  readonly path: string | undefined;
  readonly log: OwnLog;
}

/** A beanstalkd of our own: started, watched, restarted when it dies, and never left behind. */
export class OwnBeanstalkd {
  readonly #program: string;
  readonly #options: OwnOptions;
  readonly #dir: DataDir;
  readonly #stderr: (line: string) => void;
  readonly #stop = new AbortController();
  #current: Supervised | undefined;
  #failure: string | undefined;
  #isInPlace = false;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(program: string, options: OwnOptions, dir: DataDir) {
    this.#program = program;
    this.#options = options;
    this.#dir = dir;
    this.#stderr = seldom((line) => options.log.warn(`beanstalkd says: ${line}`));
  }

  /**
   * Starts one, and resolves when it answers. Rejects with an OwnError that says in a line what is missing;
   * nothing is left running then. An aborted `signal` ends the attempt.
   */
  static async start(options: OwnOptions, signal?: AbortSignal): Promise<OwnBeanstalkd> {
    const program = await findProgram('beanstalkd', options.path);
    if (program === undefined) {
      throw new OwnError(
        'beanstalkd is not on PATH: install it (apt, dnf, apk or brew install beanstalkd), or set BEANSTALKD_URL to one that runs',
      );
    }
    const own = new OwnBeanstalkd(program, options, await openDataDir(options.dataDir));
    const abort = () => own.#stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      const first = await own.#launchPastLock();
      own.#supervision = own.#supervise(first);
      return own;
    } catch (error) {
      await own.stop();
      if (error instanceof OwnError) throw error;
      throw new OwnError(`DATA_DIR: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** The UNIX socket to connect to; the same for life. */
  get socket(): string {
    return this.#dir.socket;
  }

  /** Why it is down, from its death until it answers again. For anybody: the paths are in the log alone. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Ends it, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#current !== undefined) await end(this.#current);
    await this.#supervision;
    // Where the binlog is another's, so is the socket.
    if (this.#isInPlace) await rm(this.#dir.socket, { force: true });
    if (this.#dir.temporary !== undefined) await rm(this.#dir.temporary, { recursive: true, force: true });
  }

  async #supervise(first: Supervised): Promise<void> {
    const { log } = this.#options;
    let running: Supervised | undefined = first;
    let backOff = BACK_OFF_MIN_MS;
    while (!this.#stop.signal.aborted) {
      if (running !== undefined) {
        const since = performance.now();
        const reason = await running.ended;
        if (this.#stop.signal.aborted) return;
        const failure = `our own beanstalkd ended (${reason})`;
        this.#failure = this.#withoutPaths(failure);
        log.warn(`${failure}; starting another`);
        if (performance.now() - since > STEADY_MS) backOff = BACK_OFF_MIN_MS;
      }
      await pause(backOff, this.#stop.signal);
      backOff = Math.min(backOff * 2, BACK_OFF_MAX_MS);
      try {
        running = await this.#launch();
        log.info('our own beanstalkd is back');
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        running = undefined;
        const { message } = error instanceof LaunchError ? error : new LaunchError(String(error));
        this.#failure = this.#withoutPaths(message);
        log.warn(message);
      }
    }
  }

  /** After a SIGKILL of the gateway a successor may be here before the old beanstalkd has gone. */
  async #launchPastLock(): Promise<Supervised> {
    const deadline = performance.now() + LOCK_MS;
    for (;;) {
      try {
        return await this.#launch();
      } catch (error) {
        const locked = error instanceof LaunchError && error.reason.startsWith(LOCKED);
        if (!locked || this.#stop.signal.aborted) throw error;
        if (performance.now() > deadline) {
          throw new OwnError(`DATA_DIR: another beanstalkd is running on ${this.#dir.root}`, {
            cause: error,
          });
        }
        await pause(BACK_OFF_MIN_MS, this.#stop.signal);
      }
    }
  }

  /**
   * One beanstalkd, up and answering. It starts on a socket of its own name, which is moved into place only
   * when it answers: beanstalkd removes whatever socket it finds, before it knows whether the binlog is
   * another's, and would cut that other one off from its callers.
   */
  async #launch(): Promise<Supervised> {
    this.#isInPlace = false;
    const socket = `${this.#dir.socket}.${randomBytes(4).toString('hex')}`;
    const size = await rememberMaxJobSize(this.#dir.root, this.#options.maxJobSize);
    this.#stop.signal.throwIfAborted();
    const command = [this.#program, '-l', `unix:${socket}`, '-b', this.#dir.binlog, '-z', String(size)];
    const launched = new Supervised(command, this.#stderr);
    this.#current = launched;
    try {
      await this.#untilReady(launched, socket);
      await rename(socket, this.#dir.socket);
      this.#isInPlace = true;
      await removeStaleSockets(dirname(this.#dir.socket));
    } catch (error) {
      await end(launched);
      await rm(socket, { force: true });
      throw error;
    }
    this.#failure = undefined;
    return launched;
  }

  #withoutPaths(reason: string): string {
    const { root, temporary } = this.#dir;
    const shown = reason.replaceAll(this.#program, 'beanstalkd').replaceAll(root, 'DATA_DIR');
    return temporary === undefined ? shown : shown.replaceAll(temporary, 'DATA_DIR');
  }

  async #untilReady(launched: Supervised, socket: string): Promise<void> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), READY_MS);
    const signal = AbortSignal.any([patience.signal, this.#stop.signal]);
    try {
      while (!(await answers(socket, signal))) {
        if (signal.aborted) throw new LaunchError(`no answer within ${READY_MS / 1000} s`);
        if (launched.hasEnded) throw new LaunchError(await launched.ended);
        await pause(POLL_MS, signal);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

class LaunchError extends OwnError {
  readonly reason: string;

  constructor(reason: string) {
    super(`our own beanstalkd does not start (${reason})`);
    this.reason = reason;
  }
}

/** beanstalkd dies of SIGTERM at once and loses nothing by it; a stopped (SIGSTOP) one needs more. */
async function end(process: Supervised): Promise<void> {
  process.kill('SIGTERM');
  const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
  await process.ended;
  clearTimeout(timer);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => {});
}
