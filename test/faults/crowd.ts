import { poll } from '../support/beanstalkd.ts';
import { LOOPBACK } from '../support/place.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { HandCaller } from './hand-caller.ts';
import type { Answer } from './http.ts';
import { type Laboratory, type Reservation, reservationsIn, saying } from './laboratory.ts';

const PRODUCERS = 8;
const WORKERS = 4;
const HELD = 40;
const WAITING = 25;
const OLD = 20;
/** What has been done by then, by all of them. */
const DONE = 100;

type Said = ReturnType<typeof saying>;

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** Everybody who may be at it when a gateway stops: producers, workers, holders, those who wait, a slow upload. */
export class Crowd {
  readonly held: readonly Reservation[];
  /** Every fifth wants bytes, and the others JSON. */
  readonly waiting: Promise<(Answer | undefined)[]>;
  /** Connections on which something was asked before. */
  readonly old: readonly HandCaller[];
  /** A put of ten bytes, of which five have come. */
  readonly upload: HandCaller;
  /** The answer that stopped each producer, the first that was no 201; undefined where none came. */
  readonly produced: Promise<(Said | undefined)[]>;
  /** When each worker got no more. */
  readonly worked: Promise<unknown>;
  readonly #laboratory: Laboratory;
  readonly #acknowledged = new Set<string>();
  /** Surely not put, as they were told. */
  readonly #refused = new Set<string>();
  readonly #finished = new Set<string>();
  /** Perhaps finished: no answer says so. */
  readonly #uncertain = new Set<string>();

  private constructor(
    laboratory: Laboratory,
    held: readonly Reservation[],
    old: readonly HandCaller[],
    upload: HandCaller,
  ) {
    this.#laboratory = laboratory;
    this.held = held;
    this.old = old;
    this.upload = upload;
    this.waiting = Promise.all(times(WAITING, (n) => this.#wait(n)));
    this.produced = Promise.all(times(PRODUCERS, (n) => this.#produce(n)));
    this.worked = Promise.all(times(WORKERS, () => this.#work()));
  }

  /** Resolves when all are in the middle of it. */
  static async gather(laboratory: Laboratory): Promise<Crowd> {
    const { raw, gateway } = laboratory;
    for (let n = 0; n < HELD; n += 1) await raw.put('held', `${n}`);
    const held = reservationsIn(await laboratory.reserve('held', `?count=${HELD}`));
    const old = await Promise.all(times(OLD, () => HandCaller.from(LOOPBACK, gateway.url)));
    for (const caller of old) {
      caller.says('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
      await caller.answer();
    }
    const upload = await HandCaller.from(LOOPBACK, gateway.url);
    upload.says('POST /v1/tubes/uploaded/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    const crowd = new Crowd(laboratory, held, old, upload);
    await poll('those who wait do', async () => (await laboratory.figure('waiters')) >= WAITING);
    await poll('all are at it', () => crowd.#finished.size >= DONE);
    return crowd;
  }

  /** What must be empty: acknowledged and lost; there although it was refused, or finished. */
  async unaccounted(raw: RawConnection): Promise<{ lost: string[]; unwanted: string[] }> {
    const found = new Set((await raw.takeAll('made')).map(String));
    const isAccounted = (body: string) =>
      found.has(body) || this.#finished.has(body) || this.#uncertain.has(body);
    return {
      lost: [...this.#acknowledged].filter((body) => !isAccounted(body)),
      unwanted: [...found].filter((body) => this.#refused.has(body) || this.#finished.has(body)),
    };
  }

  async #produce(producer: number): Promise<Said | undefined> {
    for (let n = 0; ; n += 1) {
      const body = `${producer}-${n}`;
      const answer = await this.#laboratory.put('made', body).catch(() => undefined);
      if (answer === undefined) return undefined;
      if (answer.status !== 201) {
        const said = saying(answer);
        if (said.outcome === 'none') this.#refused.add(body);
        return said;
      }
      this.#acknowledged.add(body);
    }
  }

  async #work(): Promise<void> {
    for (;;) {
      const answer = await this.#laboratory.reserve('made', '?timeout=5').catch(() => undefined);
      if (answer?.status !== 200) return;
      for (const { reservation, body } of reservationsIn(answer)) {
        const path = `/v1/reservations/${reservation}`;
        const done = await this.#laboratory.call('DELETE', path).catch(() => undefined);
        if (done?.status === 204) this.#finished.add(body);
        else if (done === undefined || saying(done).outcome === 'unknown') this.#uncertain.add(body);
      }
    }
  }

  #wait(n: number): Promise<Answer | undefined> {
    // Kept open by the caller, so that it is the gateway that closes it.
    const headers = {
      connection: 'keep-alive',
      ...(n % 5 === 0 ? { accept: 'application/octet-stream' } : {}),
    };
    const path = `/v1/tubes/empty${n % 3}/reservations?timeout=60`;
    return this.#laboratory.call('POST', path, { headers }).catch(() => undefined);
  }
}
