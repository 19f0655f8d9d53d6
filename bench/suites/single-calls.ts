import type { Suite } from '../report.ts';
import { counted } from './counted-calls.ts';
import { lasting } from './lasting-calls.ts';

/** One job a call: what most callers do. */
export const suite: Suite = {
  name: 'single calls',
  run: async (lab, report) => {
    await lasting(lab, report);
    await counted(lab, report);
  },
};
