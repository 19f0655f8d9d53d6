import fc from 'fast-check';

/** One of these, each as often as its weight says. */
export const weighted = <T>(
  ...each: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]
): fc.Arbitrary<T> => fc.oneof(...each.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** In so many of a hundred cases one, else none. */
export const sometimes = <T>(percent: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  weighted<readonly T[]>([100 - percent, fc.constant([])], [percent, arbitrary.map((one) => [one])]);
