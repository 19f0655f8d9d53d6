import { stats } from '../client/commands.ts';
import { readServerStats, type ServerStats } from '../client/stats.ts';
import { BeanstalkdError } from './errors.ts';
import type { Lanes } from './lanes.ts';

const PROBE_EVERY_MS = 1_000;
/** A probe that has had no answer for so long says that beanstalkd does not answer. */
const SILENT_AFTER_MS = 2_000;

export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** beanstalkd itself: whether it answers, and what it says of itself. */
export class Server {
  readonly #lanes: Lanes;
  readonly #afterProbe: () => void;
  #last: ServerStats | undefined;
  #failure: string | undefined = 'no answer yet';
  #askedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param afterProbe regular housekeeping, once a second or so */
  constructor(lanes: Lanes, afterProbe: () => void) {
    this.#lanes = lanes;
    this.#afterProbe = afterProbe;
    void this.#probe();
  }

  /** By the last probe. */
  get health(): Health {
    const silentFor = this.#askedAt === undefined ? 0 : performance.now() - this.#askedAt;
    if (silentFor > SILENT_AFTER_MS)
      return { ok: false, reason: `no answer for ${Math.round(silentFor)} ms` };
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  /** Bytes; undefined until beanstalkd has said it. */
  get maxJobSize(): number | undefined {
    return this.#last?.maxJobSize;
  }

  async stats(): Promise<ServerStats> {
    return readServerStats((await this.#lanes.forLooking.execute(stats())).body);
  }

  /** Throws where `reserve-job` would break the connection: 1.12 was the first to have it. */
  requireReserveJob(): void {
    const version = this.#last?.version ?? '';
    if (/^1\.([0-9]|10|11)(\D|$)/.test(version)) {
      throw new BeanstalkdError(
        'PROTOCOL_ERROR',
        'none',
        `beanstalkd ${version} has no reserve-job; 1.12 has`,
      );
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    this.#askedAt = performance.now();
    try {
      this.#last = readServerStats((await this.#lanes.forProbe.execute(stats())).body);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = reasonOf(error);
    }
    this.#askedAt = undefined;
    this.#afterProbe();
    if (!this.#closed) this.#timer = setTimeout(() => void this.#probe(), PROBE_EVERY_MS);
  }
}

/** Without the message: it names addresses and paths, and what is said here goes out. */
function reasonOf(error: unknown): string {
  if (!(error instanceof BeanstalkdError)) return 'the probe failed';
  const { cause } = error;
  const detail = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  switch (error.code) {
    case 'UNREACHABLE':
      return `beanstalkd cannot be reached${detail}`;
    case 'CONNECTION_LOST':
      return `the connection to beanstalkd was lost${detail}`;
    case 'TIMEOUT':
      return 'beanstalkd did not answer in time';
    default:
      return `beanstalkd answered with ${error.code}`;
  }
}
