import { expect } from 'vitest';
import type { Calls, House } from '../routes/calls.ts';
import { at } from '../routes/contract.ts';
import { BODY_MAX } from './bodies.ts';

/** Of different lengths, so that a body out of its place shows; the last ones have a lane of their own. */
const LENGTHS = [0, 1, 2, 100, 101, 32_768, 32_769, BODY_MAX - 1, BODY_MAX];

const marked = (mark: number, length: number) => Buffer.alloc(length, `<${mark}\r\n>`);

/**
 * Every lane and every connection that reserves still gives each command its own reply: jobs with bodies of their
 * own are put, looked at, waited for by more callers than there are connections, and deleted, all at once.
 */
export async function expectInStep({ calls, gateway, raw }: House): Promise<void> {
  const { holding, idle, waiting } = gateway.pool.snapshot().connections;
  const callers = Array.from({ length: LENGTHS.length * 2 + holding + idle + waiting }, (_, n) => n);
  const putAndTake = async (mark: number) => {
    const tube = `in-step-${mark}`;
    const body = marked(mark, LENGTHS[mark % LENGTHS.length] ?? 0);
    const taking = take(calls, tube);
    const { id } = (await calls.ok(201, 'POST', `/v1/tubes/${tube}/jobs`, { body })) as { id: string };
    const taken = await taking;
    expect(at(taken, 'job', 'id')).toBe(id);
    const found = await calls.ok(200, 'GET', `/v1/jobs/${id}?encoding=base64`);
    for (const seen of [taken, found]) expect(at(seen, 'body') === body.toString('base64'), tube).toBe(true);
    await calls.ok(204, 'DELETE', `/v1/reservations/${String(at(taken, 'reservation'))}`);
    return id;
  };
  for (const id of await Promise.all(callers.map(putAndTake))) {
    expect(await raw.stateOf(id), `job ${id}, deleted`).toBeUndefined();
  }
  expect(gateway.pool.snapshot().reconnects).toBe(0);
}

/** Waits until the job of the tube comes. */
async function take(calls: Calls, tube: string): Promise<unknown> {
  const path = `/v1/tubes/${tube}/reservations?timeout=1&encoding=base64`;
  let taken: unknown;
  while (taken === undefined) taken = at(await calls.ok(200, 'POST', path), 'reservations', 0);
  return taken;
}
