import { test as base } from 'vitest';
import type { Presence } from '../../src/pool/caller.ts';
import type { Pool, PoolOptions } from '../../src/pool/pool.ts';
import type { Reservation } from '../../src/pool/reservation.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { poolFor } from '../support/pool.ts';
import type { RawConnection } from '../support/raw-connection.ts';

/** A beanstalkd of one test's own, a pool on it, and a view from behind. */
export interface House {
  readonly beanstalkd: Beanstalkd;
  readonly pool: Pool;
  readonly raw: RawConnection;
}

type Open = (options?: Partial<PoolOptions>, ...args: string[]) => Promise<House>;

/** A test that opens houses; they are closed when it has finished. */
export const test = base.extend<{ open: Open }>({
  open: async ({ onTestFinished }, use) => {
    await use(async (options, ...args) => {
      const beanstalkd = await Beanstalkd.start(...args);
      const pool = poolFor(beanstalkd.address, options);
      onTestFinished(async () => {
        await beanstalkd.stop();
        await pool.close();
      });
      return { beanstalkd, pool, raw: await beanstalkd.raw() };
    });
  },
});

export interface Asked {
  readonly timeout?: number;
  readonly deadlineMs?: number;
  readonly count?: number;
  readonly signal?: AbortSignal;
}

export function reserve(
  pool: Pool,
  tubes: string | readonly string[],
  asked: Asked = {},
): Promise<Reservation[]> {
  const { timeout = 0, count = 1, signal = new AbortController().signal } = asked;
  const { deadlineMs = timeout * 1000 + 3_000 } = asked;
  return pool.reserving.reserve({
    tubes: typeof tubes === 'string' ? [tubes] : tubes,
    timeout,
    deadlineMs,
    count,
    presence: presenceOf(signal),
  });
}

/** Somebody who leaves when the signal aborts. */
function presenceOf(signal: AbortSignal): Presence {
  const presence: Presence = { gone: signal.aborted, waiting: undefined };
  signal.addEventListener('abort', () => presence.waiting?.leave());
  return presence;
}

/** The one job that must come, delivered. */
export async function reserveOne(
  pool: Pool,
  tubes: string | readonly string[],
  asked: Asked = {},
): Promise<Reservation> {
  const [reservation, ...more] = await reserve(pool, tubes, asked);
  if (reservation === undefined || more.length > 0) throw new Error(`no single job came: ${more.length}`);
  pool.reservations.delivered(reservation);
  return reservation;
}

/** A figure of `stats-tube`; 0 while there is no such tube. */
export const tubeFigure = async (raw: RawConnection, tube: string, field: string): Promise<number> =>
  Number((await raw.stats(`stats-tube ${tube}`))?.[field] ?? 0);

export const serverFigure = async (raw: RawConnection, field: string): Promise<number> =>
  Number((await raw.stats('stats'))?.[field]);

export const jobFigure = async (raw: RawConnection, id: string, field: string): Promise<number> =>
  Number((await raw.stats(`stats-job ${id}`))?.[field]);

/** Until so many connections wait for the tube. */
export const untilWaiting = (raw: RawConnection, tube: string, connections = 1): Promise<void> =>
  poll(
    `${connections} connections wait for ${tube}`,
    async () => (await tubeFigure(raw, tube, 'current-waiting')) === connections,
  );

export const untilState = (
  raw: RawConnection,
  id: string,
  state: string | undefined,
  withinMs = 1_000,
): Promise<void> => poll(`${id} is ${state}`, async () => (await raw.stateOf(id)) === state, withinMs);

/** For what time alone brings about. */
export const until = (moment: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - performance.now())));

/** Until everything asked in this turn of the event loop has left. */
export const sent = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Many puts in one write. */
export async function putMany(
  raw: RawConnection,
  tube: string,
  count: number,
  { ttr = 60 } = {},
): Promise<string[]> {
  await raw.command(`use ${tube}`);
  raw.write(
    Array.from({ length: count }, (_, n) => `put 1024 0 ${ttr} ${`${n}`.length}\r\n${n}\r\n`).join(''),
  );
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await raw.line()).slice('INSERTED '.length));
  return ids;
}

export const ended = (reason: string) => ({ failure: { code: 'RESERVATION_ENDED', reason } });
export const failure = (code: string) => ({ failure: { code } });
