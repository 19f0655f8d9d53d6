import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';

export interface StopOptions {
  readonly log: Logger;
  /** What the whole stop may take; past it the process exits at once. */
  readonly withinMs: number;
  /** The time in which the same signal again is an echo and not a second one. */
  readonly echoMs: number;
  /** Stops everything; `failed` after an error that nobody caught. */
  readonly stop: (failed: boolean) => Promise<void>;
  /** What SIGHUP does; without it SIGHUP stops like the others. */
  readonly reload: (() => void) | undefined;
}

/**
 * A signal stops the gateway and exits 0; a second one exits at once. An error that nobody caught is
 * logged, stops it too, and exits 1.
 */
export function stopOnSignal(options: StopOptions): void {
  const { log } = options;
  const grace = closeWithGrace(
    {
      delay: options.withinMs,
      logger: log,
      // Handled below, because close-with-grace would take npm's echo for a second signal.
      skip: ['SIGINT', 'SIGTERM', ...(options.reload === undefined ? [] : (['SIGHUP'] as const))],
      onTimeout: (ms) => log.error(`not stopped within ${ms} ms, exiting`),
    },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'an error that nobody caught, stopping');
      await options.stop(err !== undefined);
      log.info('stopped');
    },
  );
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      log.info(`${signal}, stopping; once more exits at once`);
      void grace.close();
    } else if (now - first >= options.echoMs) {
      log.warn(`second ${signal}, exiting`);
      process.exit(1);
    }
  };
  if (options.reload !== undefined) process.on('SIGHUP', options.reload);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
