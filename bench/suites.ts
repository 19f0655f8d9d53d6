import type { Suite } from './report.ts';
import { suite as batch } from './suites/batch.ts';
import { suite as client } from './suites/client.ts';
import { suite as growth } from './suites/growth.ts';
import { suite as latency } from './suites/latency.ts';
import { suite as longPolls } from './suites/long-polls.ts';
import { suite as singleCalls } from './suites/single-calls.ts';

/** In the order of the table. */
export const suites: readonly Suite[] = [singleCalls, latency, batch, longPolls, client, growth];
