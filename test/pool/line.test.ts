import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Line, type Place } from '../../src/pool/line.ts';

test('who comes first is first, until it leaves', () => {
  const line = new Line<string>();
  const first = line.push('a');
  line.push('b');
  expect(line.first).toBe('a');
  line.leave(first);
  expect(line.first).toBe('b');
  expect(line.length).toBe(1);
});

test('who has left leaves nothing behind: no way to its neighbours', () => {
  const line = new Line<string>();
  const places = ['a', 'b', 'c'].map((item) => line.push(item));
  for (const place of places) line.leave(place);
  for (const place of places)
    expect(place).toMatchObject({ line: undefined, ahead: undefined, behind: undefined });
  expect(line.first).toBeUndefined();
});

test('the one at hand may leave while all are looked at', () => {
  const line = new Line<number>();
  const places = [0, 1, 2, 3].map((item) => line.push(item));
  const seen: number[] = [];
  for (const item of line) {
    seen.push(item);
    if (item % 2 === 0) line.leave(places[item]);
  }
  expect(seen).toEqual([0, 1, 2, 3]);
  expect([...line]).toEqual([1, 3]);
});

test('property: a line is a Set that nobody enters twice', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), item: fc.nat(99) }),
    fc.record({ kind: fc.constant('leave' as const), at: fc.nat(40), other: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const line = new Line<object>();
      const other = new Line<object>();
      const model = new Set<object>();
      const places: Place<object>[] = [];
      for (const one of steps) {
        if (one.kind === 'push') {
          const item = { item: one.item };
          places.push(line.push(item));
          model.add(item);
        } else {
          const place = places[one.at];
          // A place in another line is left alone; leaving again is harmless.
          (one.other ? other : line).leave(place);
          if (!one.other && place !== undefined) model.delete(place.item);
        }
        expect([...line]).toEqual([...model]);
        expect(line.length).toBe(model.size);
        expect(line.first).toBe([...model][0]);
      }
    }),
  );
});
