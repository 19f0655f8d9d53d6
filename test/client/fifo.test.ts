import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/client/fifo.ts';

test('whatever is pushed and shifted, it is what an array would be', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ shift: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ takeEvery: fc.integer({ min: 1, max: 5 }) }),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const step of all) {
        if ('push' in step) {
          for (let n = 0; n < step.push; n += 1) {
            fifo.push(next);
            model.push(next);
            next += 1;
          }
        } else if ('takeEvery' in step) {
          const isTaken = (item: number) => item % step.takeEvery === 0;
          expect(fifo.take(isTaken)).toEqual(model.filter(isTaken));
          model = model.filter((item) => !isTaken(item));
        } else {
          const shifted = Array.from({ length: step.shift }, () => fifo.shift());
          const expected = Array.from({ length: step.shift }, () => model.shift());
          expect(shifted).toEqual(expected);
        }
        expect(fifo.length).toBe(model.length);
        expect(fifo.peek()).toBe(model[0]);
        expect([...fifo]).toEqual(model);
      }
    }),
    { numRuns: 50 },
  );
});

test('values that are false in a condition are values', () => {
  const fifo = new Fifo<number | string | boolean | null>();
  const values = [0, '', false, null, Number.NaN];
  for (const value of values) fifo.push(value);
  expect(values.map(() => fifo.shift())).toEqual(values);
  expect(fifo.shift()).toBeUndefined();
});
