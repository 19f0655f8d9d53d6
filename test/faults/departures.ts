import { LOOPBACK } from '../support/place.ts';
import { Choices } from './choices.ts';
import { type HandAnswer, HandCaller } from './hand-caller.ts';
import type { Reservation } from './laboratory.ts';

const BYTES = 'Accept: application/octet-stream\r\n';

export const ask = (path: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: gateway\r\n${headers}\r\n`;

/** A reserve of any kind: of one tube, of both, or by an id; as bytes or JSON; one job or several. */
export function anyReserve(
  choices: Choices,
  tubes: readonly [string, string],
  ids: readonly string[],
): string {
  const [count, headers] = choices.oneOf([
    [1, BYTES],
    [1, ''],
    [2, ''],
    [5, ''],
  ]);
  const query = `timeout=20&count=${count}`;
  switch (choices.integer(0, 3)) {
    case 0:
      return ask(`/v1/jobs/${ids[choices.integer(0, ids.length - 1)]}/reservation`, headers);
    case 1:
      return ask(`/v1/reservations?tube=${tubes[0]}&tube=${tubes[1]}&${query}`, headers);
    default:
      return ask(`/v1/tubes/${choices.oneOf(tubes)}/reservations?${query}`, headers);
  }
}

/** From at once to well after the answer. */
export async function aWhile(choices: Choices): Promise<void> {
  for (let turn = choices.integer(0, 11); turn > 0; turn -= 1) await new Promise(setImmediate);
  if (choices.chance(0.5)) await new Promise((resolve) => setTimeout(resolve, choices.integer(0, 11)));
}

/** Lets so many callers go, never more than `atOnce` of them together; each has its own choices of the seed. */
export async function departures(
  { count, atOnce, seed }: { readonly count: number; readonly atOnce: number; readonly seed: number },
  depart: (choices: Choices, n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      await depart(new Choices(seed, `caller ${n}`), n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

export const callerOf = (url: string): Promise<HandCaller> => HandCaller.from(LOOPBACK, url);

export interface Taken {
  readonly id: string;
  readonly body: string;
}

/** The jobs in an answer to a reserve. */
export function takenIn({ status, headers, body }: HandAnswer): Taken[] {
  if (status === 201) return [{ id: headers.get('job-id') ?? '', body: body.toString() }];
  if (status !== 200) return [];
  const answer = JSON.parse(body.toString()) as Reservation | { readonly reservations: Reservation[] };
  const reservations = 'reservations' in answer ? answer.reservations : [answer];
  return reservations.map((one) => ({ id: one.job.id, body: one.body }));
}
