import { setTimeout as sleep } from 'node:timers/promises';

/** For so many milliseconds, or until it is over. */
export const rest = (ms: number, over?: AbortSignal): Promise<void> =>
  sleep(Math.max(0, ms), undefined, over === undefined ? {} : { signal: over }).catch(() => {});
