import { expect } from 'vitest';
import { type Answer, type Contract, expectProblem } from '../routes/contract.ts';
import type { Operation } from './document.ts';
import type { Reading } from './reading.ts';
import type { Request } from './request.ts';
import { type Verdict, verdictOn } from './verdict.ts';

const REQUEST_ID = /^[A-Za-z0-9._~-]{1,128}$/;
/** Everything else would be a header that a caller has put into the answer. */
const HEADERS = new Set([
  ...['date', 'connection', 'keep-alive', 'content-type', 'content-length', 'cache-control', 'x-request-id'],
  ...['location', 'allow', 'retry-after', 'vary'],
]);
/** Of the pages, by helmet. */
const PAGE_HEADERS = /^(content-security-policy|cross-origin-|origin-agent-cluster|referrer-policy|x-)/;

/** Holds every answer against the document and API.md; throws at the first thing that is wrong. */
export class Judge {
  readonly #contract: Contract;

  constructor(contract: Contract) {
    this.#contract = contract;
  }

  /** What the call must be answered with, and was. */
  judge(request: Request, reading: Reading, answer: Answer): Verdict {
    const verdict = verdictOn(request, reading);
    const { method } = request;
    const allowed = [...verdict.statuses].sort().join(', ');
    expect(verdict.statuses.has(answer.status), `${answer.status}, and not one of ${allowed}`).toBe(true);
    this.#judgeRequestId(request, answer);
    const { operation } = reading;
    // Too large a head has no path yet.
    if (answer.status === 431) {
      expectProblem(answer, true);
      return verdict;
    }
    const isApi = request.target.replace(/^https?:\/\/[^/]*/, '').startsWith('/v1/');
    if (isApi) expect(answer.headers['cache-control']).toBe('no-store');
    if (answer.status >= 400 && method !== 'HEAD') {
      expectProblem(answer, isApi && method !== 'GET');
    }
    if (operation !== undefined) this.#contract.expectDocumented(method, operation.path, answer);
    return verdict;
  }

  /** An answer to something that is not well-formed HTTP, or is only by chance: then of this operation. */
  judgeSpliced(answer: Answer, operation?: Operation): void {
    expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
    expectKnownHeaders(answer);
    expect(answer.status, answer.text.slice(0, 300)).toBeLessThan(500);
    // Where the method could not be read, the gateway takes it for one that changes something.
    if (answer.status >= 400) expectProblem(answer, answer.text.includes('"outcome":'));
    else if (operation !== undefined) {
      this.#contract.expectDocumented(operation.method, operation.path, answer);
    }
  }

  #judgeRequestId({ headers }: Request, answer: Answer): void {
    const given = headers.flatMap(([name, value]) => (name.toLowerCase() === 'x-request-id' ? [value] : []));
    const [id = '', ...others] = given;
    expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
    const isTaken = REQUEST_ID.test(id) && others.length === 0 && answer.status !== 431;
    if (isTaken) expect(answer.headers['x-request-id']).toBe(id);
    expectKnownHeaders(answer);
  }
}

function expectKnownHeaders({ headers }: Answer): void {
  for (const name of Object.keys(headers)) {
    const known = HEADERS.has(name) || PAGE_HEADERS.test(name) || /^(job|reserv)/.test(name);
    expect(known && name !== 'x-injected', name).toBe(true);
  }
}
