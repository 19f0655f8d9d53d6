import { join } from 'node:path';
import { cpuTimeMs } from './cpu-time.ts';
import type { Server } from './lab.ts';
import { runPinned, THE_REST } from './pinned.ts';

const SCRIPTS = join(import.meta.dirname, '../../wrk');

/** Of every run that does not say otherwise. */
export const CONNECTIONS = 64;
/** More than any run that ends by itself takes. Seconds. */
const COUNTED_MAX = 120;

interface Load {
  /** One of wrk/. */
  readonly script: string;
  readonly args: readonly (string | number)[];
  readonly connections?: number;
  /** Left out for a script that counts to a number and ends by itself. */
  readonly seconds?: number;
}

export interface Answered {
  readonly answered: number;
  /** Requests a second. */
  readonly rate: number;
  /** The share of a core that the server used meanwhile. */
  readonly cpu: number;
  /** Milliseconds from a request to its answer, by percentile. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Lets wrk ask a server, with one thread on the core of the rest. One failed request fails the run. */
export async function wrk(server: Server, path: string, load: Load): Promise<Answered> {
  const { script, args, connections = CONNECTIONS, seconds = COUNTED_MAX } = load;
  const options = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
  const cpuBefore = cpuTimeMs(server.pid);
  const from = performance.now();
  const printed = await runPinned(THE_REST, [
    'wrk',
    ...options,
    ...['-s', join(SCRIPTS, script), `${server.url}${path}`, '--', ...args.map(String)],
  ]);
  const cpu = (cpuTimeMs(server.pid) - cpuBefore) / (performance.now() - from);
  const { answered, seconds: took, failed, p50, p99, p999 } = resultIn(printed);
  if (failed > 0 || answered === 0) throw new Error(`${script} on ${path}: ${printed}`);
  return { answered, rate: answered / took, cpu, p50: p50 / 1000, p99: p99 / 1000, p999: p999 / 1000 };
}

type Result = Readonly<Record<'answered' | 'seconds' | 'failed' | 'p50' | 'p99' | 'p999', number>>;

/** What wrk/result.lua prints. */
function resultIn(printed: string): Result {
  const line = printed.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk did not finish: ${printed}`);
  return JSON.parse(line);
}
