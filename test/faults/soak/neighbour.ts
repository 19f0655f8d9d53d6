import type { Beanstalkd } from '../../support/beanstalkd.ts';
import type { RawConnection } from '../../support/raw-connection.ts';
import type { Choices } from '../choices.ts';
import type { Ledger } from './ledger.ts';
import { rest } from './rest.ts';
import { TUBES } from './tubes.ts';

const JOBS_PER_SECOND = 8;

/**
 * A producer on the host of beanstalkd, which knows nothing of the gateway: its jobs come while the link is cut as
 * well, and are handed to connections that nobody hears any more.
 */
export async function putFromBehind(
  beanstalkd: Beanstalkd,
  ledger: Ledger,
  choices: Choices,
  over: AbortSignal,
): Promise<void> {
  let raw: RawConnection | undefined;
  while (!over.aborted) {
    await rest((2 * choices.fraction() * 1_000) / JOBS_PER_SECOND, over);
    raw ??= await beanstalkd.raw().catch(() => undefined);
    if (raw === undefined) continue;
    const job = ledger.newJob();
    const ttr = choices.integer(1, 5);
    try {
      ledger.put(job, 'acknowledged', await raw.put(choices.oneOf(TUBES), job.body, { ttr }));
    } catch {
      ledger.put(job, 'unknown');
      raw.close();
      raw = undefined;
    }
  }
  raw?.close();
}
