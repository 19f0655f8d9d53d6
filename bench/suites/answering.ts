import type { Contender } from '../row.ts';
import type { Answered } from '../wrk.ts';

/** A server that wrk asks: its rate, and how busy it was meanwhile. */
export function answering(name: string, attempt: () => Promise<Answered>, requestsEach = 1): Contender {
  let cpu = Number.NaN;
  return {
    name,
    run: async () => {
      const answered = await attempt();
      cpu = answered.cpu;
      return answered.rate / requestsEach;
    },
    cpu: () => cpu,
  };
}
