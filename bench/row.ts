/** Somebody who can be measured: us, or one whom we are measured against. */
export interface Contender {
  readonly name: string;
  /** Runs once, and gives the rate: more is better. */
  run(): Promise<number>;
  /** The share of a core that the server used in that run, where somebody else may have been the limit. */
  readonly cpu?: () => number;
}

/** A rate of ours, and the same of others. */
export interface Row {
  readonly group: string;
  readonly title: string;
  readonly unit: string;
  readonly ours: Contender;
  readonly rivals: readonly Contender[];
  /** By the name of a rival: our rate is to be at least so many times theirs. */
  readonly bars?: Readonly<Record<string, number>>;
}

/** Something of which less is better, or that is no matter of more or less: memory, milliseconds. */
export interface Figure {
  readonly group: string;
  readonly title: string;
  readonly value: number;
  readonly unit: string;
  readonly bar?: { readonly atMost: number };
  /** The same of somebody else. */
  readonly beside?: { readonly name: string; readonly value: number };
}

interface Standing {
  readonly name: string;
  /** The median of the rounds. */
  readonly rate: number;
  readonly cpu?: number;
}

export interface RivalStanding extends Standing {
  /** Ours ÷ theirs in the same round, the median. */
  readonly ratio: number;
  readonly lowestRatio: number;
  readonly highestRatio: number;
  readonly bar?: number;
}

export interface Measured {
  readonly group: string;
  readonly title: string;
  readonly unit: string;
  readonly ours: Standing;
  readonly rivals: readonly RivalStanding[];
}

/**
 * Lets all take turns, since what else the machine does changes from minute to minute: only ratios of one round
 * hold.
 */
export async function measure(row: Row, rounds: number): Promise<Measured> {
  const { group, title, unit, ours, rivals, bars = {} } = row;
  const contenders = [ours, ...rivals];
  const rates = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  const shares = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Nobody is always the first, nor always behind the same one.
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) {
      rates.get(contender)?.push(await contender.run());
      const share = contender.cpu?.();
      if (share !== undefined) shares.get(contender)?.push(share);
    }
  }
  const standing = (contender: Contender): Standing => {
    const measured = shares.get(contender) ?? [];
    return {
      name: contender.name,
      rate: median(rates.get(contender) ?? []),
      ...(measured.length === 0 ? {} : { cpu: median(measured) }),
    };
  };
  const our = rates.get(ours) ?? [];
  return {
    group,
    title,
    unit,
    ours: standing(ours),
    rivals: rivals.map((rival) => {
      const ratios = (rates.get(rival) ?? []).map((their, round) => (our[round] ?? Number.NaN) / their);
      const bar = bars[rival.name];
      return {
        ...standing(rival),
        ratio: median(ratios),
        lowestRatio: Math.min(...ratios),
        highestRatio: Math.max(...ratios),
        ...(bar === undefined ? {} : { bar }),
      };
    }),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
