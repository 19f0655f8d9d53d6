import { expect, test } from 'vitest';
import { putMany, tubeFigure } from '../pool/house.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { jsonOf, Laboratory, type Reservation, reservationsIn } from './laboratory.ts';

const TTRS = [1, 2, 3, 4, 5] as const;
/** Longer than any ttr here and its second: what has not come by then was forgotten. */
const FORGOTTEN_AFTER = 7;

/** A reservation that nobody will touch, and how uncertain its beginning is. */
interface Idle {
  readonly reservation: Reservation;
  readonly widthMs: number;
}

/**
 * Takes and deletes each job of a tube as soon as it is ready, and notes the moment. It waits and asks nothing
 * in between: beanstalkd, woken by questions, would forget less.
 */
async function watch(raw: RawConnection, tube: string, jobs: number): Promise<Map<string, number>> {
  const freedAt = new Map<string, number>();
  await raw.command(`watch ${tube}`);
  await raw.command('ignore default');
  while (freedAt.size < jobs) {
    const [word, id = '', length = ''] = (await raw.command(`reserve-with-timeout ${FORGOTTEN_AFTER}`)).split(
      ' ',
    );
    if (word !== 'RESERVED') break;
    freedAt.set(id, Date.now());
    await raw.bytes(Number(length));
    await raw.command(`delete ${id}`);
  }
  return freedAt;
}

function expectEachInTime(idle: readonly Idle[], freedAt: ReadonlyMap<string, number>): void {
  const wrong = idle.flatMap(({ reservation: { job, expiresAt }, widthMs }) => {
    const lateMs = (freedAt.get(job.id) ?? Number.POSITIVE_INFINITY) - Date.parse(expiresAt);
    // Both clocks show whole milliseconds.
    return lateMs >= -1 && lateMs <= 1_000 + widthMs + 1 ? [] : [{ id: job.id, lateMs, widthMs }];
  });
  expect(wrong.slice(0, 10)).toEqual([]);
}

/** The gateway knows it too: of each of them it says that it has expired. */
async function expectAllExpired(laboratory: Laboratory, idle: readonly Idle[]): Promise<void> {
  const settle = idle.map(({ reservation: { reservation } }) => ({ reservation, action: 'touch' }));
  const answer = await laboratory.call('POST', '/v1/reservations/batch', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ settle }),
  });
  const { results } = jsonOf(answer) as { results: { status: number; reason?: string }[] };
  expect(results).toHaveLength(idle.length);
  expect(results.filter(({ status, reason }) => status !== 410 || reason !== 'expired')).toEqual([]);
  await laboratory.untilFigure('reservations', 0);
  expect(await laboratory.figure('body_bytes')).toBe(0);
}

test('1,000 idle reservations of one to five seconds: none outlasts its time by more than a second', async () => {
  const laboratory = await Laboratory.open();
  const { beanstalkd, raw } = laboratory;
  const idle: Idle[] = [];
  const watches: Promise<Map<string, number>>[] = [];
  for (const ttr of TTRS.toReversed()) {
    const tube = `ttr${ttr}`;
    await putMany(raw, tube, 200, { ttr });
    // In tens, so that their ends lie apart.
    for (let n = 0; n < 20; n += 1) {
      const answer = await laboratory.reserve(tube, '?count=10');
      for (const reservation of reservationsIn(answer)) idle.push({ reservation, widthMs: answer.took });
    }
    expect(await tubeFigure(raw, tube, 'current-jobs-reserved')).toBe(200);
    watches.push(watch(await beanstalkd.raw(), tube, 200));
  }
  expect(idle).toHaveLength(1_000);
  const freedAt = new Map((await Promise.all(watches)).flatMap((one) => [...one]));
  expectEachInTime(idle, freedAt);
  await expectAllExpired(laboratory, idle);
});

test('nor do those that came out of a wait, each on a connection of its own', async () => {
  const laboratory = await Laboratory.open();
  const { beanstalkd, raw } = laboratory;
  const idle: Idle[] = [];
  for (let n = 0; n < 40; n += 1) {
    const waiting = laboratory.reserveOne('t', '?timeout=20');
    await laboratory.untilWaiting('t');
    const from = performance.now();
    await raw.put('t', `${n}`, { ttr: 3 + (n % 3) });
    idle.push({ reservation: await waiting, widthMs: performance.now() - from });
  }
  // Counted by beanstalkd: ours, the wait's and those that hold.
  expect(Number((await raw.stats('stats'))?.['current-workers'])).toBeGreaterThanOrEqual(40);
  const freedAt = await watch(await beanstalkd.raw(), 't', 40);
  expectEachInTime(idle, freedAt);
  await expectAllExpired(laboratory, idle);
});
