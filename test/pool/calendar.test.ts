import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Calendar, type Dated } from '../../src/pool/calendar.ts';
import type { Place } from '../../src/pool/line.ts';

/** A slot of 25 ms, and the tick behind it. */
const LATEST_MS = 50;

class Item implements Dated<Item> {
  slot: number | undefined;
  slotPlace: Place<Item> | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

describe('the calendar', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test('an item is due at its moment, once', () => {
    const due: string[] = [];
    const calendar = new Calendar<Item>((item) => due.push(item.name));
    calendar.set(new Item('a'), performance.now() + 100);
    vi.advanceTimersByTime(99);
    expect(due).toEqual([]);
    vi.advanceTimersByTime(LATEST_MS);
    expect(due).toEqual(['a']);
    vi.advanceTimersByTime(1_000);
    expect(due).toEqual(['a']);
  });

  test('an item whose moment has passed is due soon', () => {
    const due: string[] = [];
    const calendar = new Calendar<Item>((item) => due.push(item.name));
    calendar.set(new Item('late'), performance.now() - 10_000);
    vi.advanceTimersByTime(LATEST_MS);
    expect(due).toEqual(['late']);
  });

  test('it rests when nothing is left, and wakes again', () => {
    const due: string[] = [];
    const calendar = new Calendar<Item>((item) => due.push(item.name));
    calendar.set(new Item('a'), performance.now() + 10);
    vi.advanceTimersByTime(1_000);
    expect(vi.getTimerCount()).toBe(0);
    calendar.set(new Item('b'), performance.now() + 10);
    vi.advanceTimersByTime(10 + LATEST_MS);
    expect(due).toEqual(['a', 'b']);
  });

  test('it forgets everything', () => {
    const due: string[] = [];
    const calendar = new Calendar<Item>((item) => due.push(item.name));
    calendar.set(new Item('a'), performance.now() + 10);
    calendar.clear();
    vi.advanceTimersByTime(1_000);
    expect(due).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a due item may set itself anew', () => {
    const moments: number[] = [];
    const calendar = new Calendar<Item>((item) => {
      moments.push(performance.now());
      if (moments.length < 3) calendar.set(item, performance.now() + 100);
    });
    calendar.set(new Item('again'), performance.now());
    vi.advanceTimersByTime(3 * (100 + LATEST_MS));
    expect(moments).toHaveLength(3);
  });

  test('an item that another one takes away in the same tick is not due', () => {
    const due: string[] = [];
    const [first, second, third] = [new Item('a'), new Item('b'), new Item('c')];
    const calendar = new Calendar<Item>((item) => {
      due.push(item.name);
      calendar.delete(second);
      calendar.set(third, performance.now() + 1_000);
    });
    const at = performance.now() + 10;
    for (const item of [first, second, third]) calendar.set(item, at);
    vi.advanceTimersByTime(500);
    expect(due).toEqual(['a']);
  });

  test('property: never early, never late, each exactly once, whatever is moved and taken away', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('set' as const),
        item: fc.nat(9),
        inMs: fc.double({ min: -50, max: 400, noNaN: true }),
      }),
      fc.record({ kind: fc.constant('delete' as const), item: fc.nat(9) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(120) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        /** Those that are set, by item: the first moment at which they may be due. */
        const model = new Map<Item, number>();
        const items = Array.from({ length: 10 }, (_, at) => new Item(`${at}`));
        const calendar = new Calendar<Item>((item) => {
          const at = model.get(item);
          expect(at, `item ${item.name} is expected`).toBeDefined();
          expect(performance.now() - (at ?? 0)).toBeGreaterThanOrEqual(0);
          expect(performance.now() - (at ?? 0)).toBeLessThanOrEqual(LATEST_MS);
          model.delete(item);
        });
        for (const one of steps) {
          const item = 'item' in one ? items[one.item] : undefined;
          if (one.kind === 'pass') {
            vi.advanceTimersByTime(one.ms);
          } else if (item !== undefined && one.kind === 'set') {
            calendar.set(item, performance.now() + one.inMs);
            model.set(item, performance.now() + Math.max(0, one.inMs));
          } else if (item !== undefined) {
            calendar.delete(item);
            model.delete(item);
          }
        }
        vi.advanceTimersByTime(400 + LATEST_MS);
        expect(model.size).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});
