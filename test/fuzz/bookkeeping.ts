import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Answer } from '../routes/contract.ts';
import type { Action, Books, Sighting } from './books.ts';
import type { Operation } from './document.ts';
import { bytesOf, isItem, isSound, itemsIn, type NewJob, type SettleItem } from './items.ts';
import type { Reading } from './reading.ts';
import type { Request } from './request.ts';
import { mediaTypeOf } from './verdict.ts';

const DEFAULTS = { priority: 1024, delay: 0, ttr: 60 };

/** A call, and how it was answered. The answer has been held against the document already. */
export interface Answered {
  readonly request: Request;
  readonly reading: Reading;
  readonly answer: Answer;
}

/** Enters into the books what an answer says was done or is there. */
export function enter(books: Books, answered: Answered): void {
  const { request, reading, answer } = answered;
  const { operation } = reading;
  const { status } = answer;
  if (operation === undefined || request.method === 'HEAD') return;
  const settled = (action: Action) => books.settled(inPath(reading, 'reservation'), action, status);
  switch (operation.id) {
    case 'putJob':
      enterPut(books, answered);
      break;
    case 'putJobs':
      enterPuts(books, operation, answered);
      break;
    case 'reserveJobs':
    case 'reserveJobsFromTubes':
    case 'reserveJobById':
      enterReservations(books, answered);
      break;
    case 'getJob':
    case 'peekJob':
      enterFound(books, answer);
      break;
    case 'deleteReservedJob':
      settled('delete');
      break;
    case 'releaseReservedJob':
      settled('release');
      break;
    case 'buryReservedJob':
      settled('bury');
      break;
    case 'touchReservedJob':
      settled('touch');
      break;
    case 'settleReservations':
      enterSettled(books, operation, answered);
      break;
    case 'deleteJob':
      if (status === 204) books.deletedJob(inPath(reading, 'id'));
      break;
    case 'clearTube':
      if (status === 200)
        books.cleared(inPath(reading, 'tube'), (answer.json() as { deleted: number }).deleted);
      break;
    case 'kickJobs':
      if (status === 200) books.kicked();
      break;
    case 'pauseTube':
      // beanstalkd counts it also where there is no such tube.
      if (status === 204 || status === 404) books.paused();
      break;
  }
}

/** The tubes that a valid call may bring into being; looking at one must not. */
export function enterTubes(
  books: Books,
  { operation, inPath: path, inQuery }: Reading,
  valid: boolean,
): void {
  if (!valid || (operation?.tag !== 'produce' && operation?.tag !== 'consume')) return;
  for (const [name, text] of [...path, ...inQuery]) if (name === 'tube') books.tubes.add(text);
}

const inPath = (reading: Reading, name: string) => reading.inPath.get(name) ?? '';

function enterPut(books: Books, { request, reading, answer }: Answered): void {
  if (answer.status !== 201) return;
  const tube = inPath(reading, 'tube');
  const given = (name: keyof typeof DEFAULTS) =>
    Number(reading.inQuery.find(([each]) => each === name)?.[1] ?? DEFAULTS[name]);
  const job = {
    tube,
    body: request.body,
    priority: given('priority'),
    delay: given('delay'),
    ttr: given('ttr'),
  };
  const put = answer.json() as { id: string };
  expect(put).toEqual({ id: put.id, tube, state: job.delay > 0 ? 'delayed' : 'ready' });
  expect(answer.headers.location).toBe(`/v1/jobs/${put.id}`);
  books.putJob(put.id, job);
}

interface Result {
  readonly status: number;
  readonly id?: string;
  readonly state?: string;
}

/** The results of a batch, each with its item. */
function resultsIn(operation: Operation, { request, answer }: Answered) {
  const { results } = answer.json() as { results: readonly Result[] };
  const items = itemsIn(operation, mediaTypeOf(request) ?? '', request.body) ?? [];
  expect(results).toHaveLength(items.length);
  return items.flatMap((item, n) => {
    const result = results[n];
    return result === undefined ? [] : [{ item, result }];
  });
}

function enterPuts(books: Books, operation: Operation, answered: Answered): void {
  if (answered.answer.status !== 200) return;
  const schema = operation.bodies.get('application/x-ndjson') ?? {};
  for (const { item, result } of resultsIn(operation, answered)) {
    const bytes = isItem<NewJob>(item, schema) ? bytesOf(item.value) : 400;
    if (!isItem<NewJob>(item, schema) || typeof bytes === 'number') {
      expect(result.status, inspect(item)).toBe(bytes);
      continue;
    }
    const { priority = DEFAULTS.priority, delay = DEFAULTS.delay, ttr = DEFAULTS.ttr } = item.value;
    // JSON has a -0, and beanstalkd has none.
    const job = { tube: inPath(answered.reading, 'tube'), body: bytes, priority: priority + 0, delay, ttr };
    const state = job.delay > 0 ? 'delayed' : 'ready';
    expect(result, inspect(item)).toEqual({ status: 201, id: result.id, state });
    books.putJob(result.id ?? '', job);
  }
}

function enterSettled(books: Books, operation: Operation, answered: Answered): void {
  if (answered.answer.status !== 200) return;
  const schema = operation.bodies.get('application/json')?.properties?.['settle']?.items ?? {};
  for (const { item, result } of resultsIn(operation, answered)) {
    if (!isItem<SettleItem>(item, schema) || !isSound(item.value)) {
      expect(result.status, inspect(item)).toBe(400);
      continue;
    }
    const { reservation, action } = item.value;
    expect([action === 'touch' ? 200 : 204, 404, 410], inspect(item)).toContain(result.status);
    books.settled(reservation, action, result.status);
  }
}

interface JobView {
  readonly id: string;
  readonly tube: string;
  readonly ttr: number;
  readonly priority: number;
  readonly releases: number;
  readonly buries: number;
}

interface View {
  readonly job: JobView;
  readonly body: string;
  readonly encoding: 'utf-8' | 'base64';
}

function enterReservations(books: Books, { answer }: Answered): void {
  if (answer.status === 201) books.reserved(String(answer.headers['reservation']), sightingIn(answer));
  if (answer.status !== 200) return;
  const whole = answer.json() as { readonly reservations: readonly ReservationView[] } | ReservationView;
  for (const one of 'reservations' in whole ? whole.reservations : [whole]) {
    books.reserved(one.reservation, sightingOf(one));
  }
}

interface ReservationView extends View {
  readonly reservation: string;
}

function enterFound(books: Books, answer: Answer): void {
  if (answer.status !== 200) return;
  const isJson = answer.headers['content-type']?.startsWith('application/json');
  books.saw(isJson ? sightingOf(answer.json() as View) : sightingIn(answer));
}

const sightingOf = ({ job, body, encoding }: View): Sighting => ({
  id: job.id,
  tube: job.tube,
  ttr: job.ttr,
  body: Buffer.from(body, encoding),
  priority: job.releases + job.buries === 0 ? job.priority : undefined,
});

/** Of the raw form, whose headers do not say whether the priority is still the first. */
const sightingIn = ({ headers, body }: Answer): Sighting => ({
  id: String(headers['job-id']),
  tube: String(headers['job-tube']),
  ttr: Number(headers['job-ttr']),
  body,
  priority: undefined,
});
