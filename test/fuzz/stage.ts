import { type House, openHouse } from '../routes/calls.ts';
import type { Answer } from '../routes/contract.ts';
import { poll } from '../support/beanstalkd.ts';
import { BATCH_MAX, BODY_MAX } from './bodies.ts';
import { enter, enterTubes } from './bookkeeping.ts';
import { Books } from './books.ts';
import type { Call } from './call.ts';
import { Caller } from './caller.ts';
import { ApiDocument } from './document.ts';
import { expectInStep } from './in-step.ts';
import { Judge } from './judge.ts';
import { Memory } from './known.ts';
import { read } from './reading.ts';
import { type Request, requestOf, wireBytes } from './request.ts';
import { Watcher } from './watcher.ts';

/** At once, each on a connection of its own. */
const CALLERS = 12;
/** Sent on one connection before the first of them is answered. */
const PIPELINED = 4;
/** A head from here on may be refused, which ends the connection. Bytes. */
const LONG_HEAD = 70_000;

/** A gateway, a beanstalkd behind it, and all that is known of both; stories are played on it one after the other. */
export class Stage {
  readonly document: ApiDocument;
  readonly #house: House;
  readonly #books: Books;
  readonly #watcher: Watcher;
  readonly #memory = new Memory();
  readonly #judge: Judge;
  readonly #carriedOut = new Set<string>();

  private constructor(house: House, document: ApiDocument) {
    const { calls, raw, gateway } = house;
    this.#house = house;
    this.document = document;
    this.#books = new Books(this.#memory);
    this.#watcher = new Watcher(raw, gateway.pool);
    this.#judge = new Judge(calls.contract);
  }

  /** Its bounds are near, so that calls meet them; and waits are short. */
  static async open(): Promise<Stage> {
    const house = await openHouse({
      args: ['-z', String(BODY_MAX)],
      limits: { bodyMaxBytes: BODY_MAX, batchMax: BATCH_MAX, reserveTimeoutMax: 1 },
    });
    return new Stage(house, await ApiDocument.servedBy(house.gateway.url));
  }

  close(): Promise<void> {
    return this.#house.close();
  }

  /** Makes all these calls, and looks at what they have left behind; throws at the first thing that is wrong. */
  play(story: readonly Call[]): Promise<void> {
    return this.#watcher.round(this.#books, async () => {
      const next = story.values();
      const failures: Error[] = [];
      await Promise.all(Array.from({ length: CALLERS }, () => this.#makeCalls(next, failures)));
      const [first] = failures;
      if (first !== undefined) throw first;
    });
  }

  /** The operations that no call has carried out: then the stories were not about much. */
  neverCarriedOut(): readonly string[] {
    return this.document.operations.map(({ id }) => id).filter((id) => !this.#carriedOut.has(id));
  }

  /** After the last story: everything is let go, and nothing has been lost or forgotten. */
  async finish(): Promise<void> {
    const { calls, gateway } = this.#house;
    const headers = { 'content-type': 'application/json' };
    const held = this.#books.notEnded();
    for (let n = 0; n < held.length; n += BATCH_MAX) {
      const settle = held.slice(n, n + BATCH_MAX).map((reservation) => ({ reservation, action: 'release' }));
      await calls.ok(200, 'POST', '/v1/reservations/batch', { headers, body: JSON.stringify({ settle }) });
    }
    // Those that have expired are asked about until beanstalkd has them back.
    await poll('nothing is held', () => gateway.pool.snapshot().reservations === 0);
    let empty = false;
    void gateway.pool.reservations.whenEmpty().then(() => {
      empty = true;
    });
    await poll('no claim is left', () => empty);
    await this.#watcher.checkJobs(this.#books, this.#books.jobs.keys());
    await expectInStep(this.#house);
  }

  async #makeCalls(story: Iterable<Call>, failures: Error[]): Promise<void> {
    let caller = await this.#newCaller();
    const underWay: Promise<void>[] = [];
    for (const call of story) {
      if (failures.length > 0) break;
      const request = requestOf(call, this.document, (known) => this.#memory.resolve(known));
      const told = (making: Promise<void>) => making.catch((error) => void failures.push(error));
      if (request.splice !== undefined) {
        await told(this.#makeSpliced(request));
        continue;
      }
      // What the gateway does with calls behind one that ends the connection is nobody's business.
      const isLast = mayEndConnection(request);
      while (underWay.length >= (isLast ? 1 : PIPELINED)) await underWay.shift();
      underWay.push(told(this.#make(caller, request)));
      if (!isLast) continue;
      await underWay.shift();
      caller.leave();
      caller = await this.#newCaller();
    }
    await Promise.all(underWay);
    caller.leave();
  }

  #newCaller(): Promise<Caller> {
    return Caller.to(this.#house.calls.port);
  }

  async #make(caller: Caller, request: Request): Promise<void> {
    let answer: Answer | undefined;
    try {
      answer = await caller.ask(wireBytes(request), isToHead(request));
      const reading = read(this.document, request.method, request.target);
      const verdict = this.#judge.judge(request, reading, answer);
      if (answer.status < 400 && reading.operation !== undefined) this.#carriedOut.add(reading.operation.id);
      enterTubes(this.#books, reading, verdict.valid);
      enter(this.#books, { request, reading, answer });
    } catch (cause) {
      throw new Error(tell(request, answer, cause), { cause });
    }
  }

  async #makeSpliced(request: Request): Promise<void> {
    let answers: readonly Answer[] = [];
    try {
      const caller = await this.#newCaller();
      answers = await caller.exchange(wireBytes(request));
      // The first is the answer to what the bytes say, whatever was meant.
      const [, method = '', target = ''] = /^([^ ]*) +([^ \r\n]*)/.exec(request.head) ?? [];
      const reading = read(this.document, method, target);
      const [answer, ...others] = answers;
      if (answer === undefined) return;
      this.#judge.judgeSpliced(answer, reading.operation);
      for (const other of others) this.#judge.judgeSpliced(other);
      enterTubes(this.#books, reading, answer.status < 400);
      enter(this.#books, { request: { ...request, method, target }, reading, answer });
    } catch (cause) {
      throw new Error(tell(request, answers[0], cause), { cause });
    }
  }
}

const mayEndConnection = ({ framing, head, headers }: Request): boolean =>
  framing !== 'length' || head.length > LONG_HEAD || headers.some(([name]) => /^connection$/i.test(name));

/** The gateway does not see the method of too long a head, and answers with a body. */
const isToHead = ({ method, head }: Request): boolean => method === 'HEAD' && head.length < LONG_HEAD;

function tell({ head, body, framing }: Request, answer: Answer | undefined, cause: unknown): string {
  const why = cause instanceof Error ? cause.message : String(cause);
  return [
    why,
    `the call (${framing}):`,
    JSON.stringify(`${head.slice(0, 3_000)}${body.toString('latin1', 0, 2_000)}`),
    'the answer:',
    answer === undefined
      ? 'none'
      : `${answer.status} ${JSON.stringify(answer.headers)} ${answer.text.slice(0, 2_000)}`,
  ].join('\n');
}
