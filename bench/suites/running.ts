import { printed } from '../print.ts';
import type { Contender } from '../row.ts';

/** A program that prints its rate, and how busy that which it measured was meanwhile. */
export function running(name: string, run: () => Promise<unknown>): Contender {
  let cpu = Number.NaN;
  return {
    name,
    run: async () => {
      const result = await run();
      cpu = printed(result, 'cpu');
      return printed(result, 'rate');
    },
    cpu: () => cpu,
  };
}

/** The same, once without being counted: a server just started is slower by a fifth for some seconds. */
export async function warmedUp(contender: Contender): Promise<Contender> {
  await contender.run();
  return contender;
}
