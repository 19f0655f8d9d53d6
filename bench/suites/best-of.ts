import type { Contender } from '../row.ts';

/**
 * Several contenders, and behind them the best of them in each round. Each runs once a round, whether it is its own
 * turn that comes first or that of the best.
 */
export function withBest(name: string, contenders: readonly Contender[]): Contender[] {
  const asked = new Map<Contender, number>();
  const askedByBest = new Map<Contender, number>();
  const once = async (contender: Contender, mine: Map<Contender, number>, theirs: Map<Contender, number>) => {
    const known = theirs.get(contender);
    theirs.delete(contender);
    if (known !== undefined) return known;
    const rate = await contender.run();
    mine.set(contender, rate);
    return rate;
  };
  const best: Contender = {
    name,
    run: async () => {
      let highest = 0;
      for (const contender of contenders)
        highest = Math.max(highest, await once(contender, askedByBest, asked));
      return highest;
    },
  };
  return [
    ...contenders.map((contender) => ({ ...contender, run: () => once(contender, asked, askedByBest) })),
    best,
  ];
}
