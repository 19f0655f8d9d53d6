import type { Suite } from '../report.ts';
import { heldReservations } from './held-reservations.ts';
import { manyTubes } from './many-tubes.ts';
import { readyJobs } from './ready-jobs.ts';
import { tubeListing } from './tube-listing.ts';

/** What becomes slower when there is more of something. */
export const suite: Suite = {
  name: 'growth',
  run: async (lab, report) => {
    await heldReservations(lab, report);
    await manyTubes(lab, report);
    await readyJobs(lab, report);
    await tubeListing(lab, report);
  },
};
